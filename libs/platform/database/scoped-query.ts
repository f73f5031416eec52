import { Query, type QueryConfig, type QueryResult } from 'pg';

/** The parts of pg's wire connection that a query writes to; pg exports no types of it. */
interface Wire {
  readonly parsedStatements: Record<string, string | undefined>;
  parse(message: { name: string; text: string }): void;
  bind(message: { statement: string; values: string[] }): void;
  execute(message: Record<string, never>): void;
  once(event: 'parseComplete', listener: () => void): void;
}

type Message = { readonly fields: unknown[] };

/** pg's own query, as it is inside: a state machine that the connection feeds with the server's messages. */
interface QueryInside {
  readonly name: string;
  prepare(connection: Wire): void;
  handleDataRow(message: Message): void;
  handleCommandComplete(message: unknown, connection: Wire): void;
  submit(connection: Wire): Error | null;
}
const inside = Query.prototype as unknown as QueryInside;

const SCOPE = 'scope';
const SET_SCOPE = `select set_config('app.tenant_id', $1, true), set_config('app.person_id', $2, true),
  set_config('app.tenant_ids', $3, true), set_config('app.person_ids', $4, true), set_config('app.invitation', $5, true)`;

export interface Scope {
  readonly tenantId?: string;
  readonly personId?: string;
  readonly tenantIds?: readonly string[];
  readonly personIds?: readonly string[];
  readonly invitation?: string;
}

/**
 * Prepares the statement that sets the scope, in front of a connection's first scoped query. pg takes the server's answer to
 * it for one to the query's own statement; were it left so, a query whose own could not be prepared (a lock, a table that
 * is not there yet) would be sent for ever as one that the server knows.
 */
const prepareScope = (connection: Wire, { name }: QueryInside): void => {
  const { parsedStatements: parsed } = connection;
  const isKnown = parsed[name] !== undefined;
  connection.parse({ name: SCOPE, text: SET_SCOPE });
  connection.once('parseComplete', () => {
    parsed[SCOPE] = SET_SCOPE;
    if (!isKnown) delete parsed[name];
  });
};

/**
 * A prepared query that tells the server first for whom it asks, in the same message and so in the same implicit
 * transaction: what follows up to the `Sync` is one transaction in PostgreSQL's extended protocol, and a setting that is
 * local to it is gone afterwards, whatever happened. One round trip, where BEGIN, SET LOCAL, query and COMMIT are four.
 */
class ScopedQuery extends (Query as unknown as new (config: QueryConfig, callback: unknown) => object) {
  readonly #values: string[];
  #scoped = false;

  constructor(config: QueryConfig, scope: Scope, callback: (error: Error | null, result?: QueryResult) => void) {
    super(config, callback);
    const { tenantId, personId, tenantIds, personIds, invitation } = scope;
    this.#values = [tenantId ?? '', personId ?? '', tenantIds?.join() ?? '', personIds?.join() ?? '', invitation ?? ''];
  }

  prepare(connection: Wire): void {
    if (!connection.parsedStatements[SCOPE]) prepareScope(connection, this as unknown as QueryInside);
    connection.bind({ statement: SCOPE, values: this.#values });
    connection.execute({});
    inside.prepare.call(this, connection);
  }

  handleDataRow(message: Message): void {
    if (this.#scoped) inside.handleDataRow.call(this, message);
  }

  handleCommandComplete(message: unknown, connection: Wire): void {
    if (this.#scoped) inside.handleCommandComplete.call(this, message, connection);
    this.#scoped = true;
  }
}

export const scopedQuery = (
  submit: (query: object) => unknown,
  config: QueryConfig,
  scope: Scope,
): Promise<QueryResult> =>
  new Promise((resolve, reject) => {
    submit(
      new ScopedQuery(config, scope, (error, result) => {
        if (error) reject(error);
        else resolve(result as QueryResult);
      }),
    );
  });
