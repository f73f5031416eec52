import { type ClientBase, Query, type QueryConfig, type QueryResult } from 'pg';
import { UnnamedClient } from '../connections/unnamed-client';

/** The parts of pg's wire connection to which a query writes. pg exports no types for them. */
interface Wire {
  readonly parsedStatements: Record<string, string | undefined>;
  readonly stream: { destroy(): void };
  parse(message: { name: string; text: string }): void;
  bind(message: { statement: string; values: readonly string[] }): void;
  execute(message: Record<string, never>): void;
}

type Message = { readonly fields: readonly unknown[] };

/** The internals of pg's query: a state machine that receives the messages of the server from the connection. */
interface QueryInternals {
  prepare(connection: Wire): void;
  handleDataRow(message: Message): void;
  handleCommandComplete(message: unknown, connection: Wire): void;
  handleError(error: Error, connection: Wire): void;
  handleReadyForQuery(connection: Wire): void;
  submit(connection: Wire): Error | null;
}
const internals = Query.prototype as unknown as QueryInternals;

/** A prepared statement that is sent before a query, in the same message. */
export interface Prelude {
  readonly name: string;
  readonly text: string;
  readonly values: readonly string[];
}

/**
 * Sets the scope of a query. It returns its own values, which prove that the answer that follows belongs to this scope.
 */
export type ScopePrelude = Prelude;

/** The connection delivered the answer to a query of another scope. No caller receives it. */
class AnswerOfAnotherScope extends Error {
  override readonly name = 'AnswerOfAnotherScope';
  // It begins like an error of pg after which a connection is not used again, see `isConnectionSuspect`.
  override readonly message = 'Connection terminated: an answer was not of the scope of its query';
}

/**
 * A prepared query that first sets the tenant and user of the request, in the same message and therefore in the same
 * implicit transaction: in PostgreSQL's extended protocol, everything up to the `Sync` is one transaction, and a
 * setting that is local to it ends with it, also after an error. It takes one round trip, while BEGIN, SET LOCAL, query
 * and COMMIT take four.
 *
 * The answer begins with the scope that the server has set. If it is not the scope of this query, the answer belongs to
 * another query: it is discarded, and the connection is closed.
 */
class ScopedQuery extends (Query as unknown as new (config: QueryConfig, callback: unknown) => object) {
  readonly #preludes: readonly Prelude[];
  readonly #isNamed: boolean;
  /** The number of preludes that the server has not completed yet. */
  #pending: number;
  #isScopeProven = false;

  constructor(
    config: QueryConfig,
    preludes: readonly [ScopePrelude, ...Prelude[]],
    callback: (error: Error | null, result?: QueryResult) => void,
  ) {
    super(config, callback);
    this.#preludes = preludes;
    this.#isNamed = config.name !== undefined;
    this.#pending = preludes.length;
  }

  prepare(connection: Wire): void {
    for (const { name, text, values } of this.#preludes) {
      // Behind a pooler the next server connection would not know a named statement: it is parsed here without a name.
      if (!this.#isNamed) connection.parse({ name: '', text });
      connection.bind({ statement: this.#isNamed ? name : '', values });
      connection.execute({});
    }
    internals.prepare.call(this, connection);
  }

  handleDataRow(message: Message): void {
    if (this.#pending === 0) internals.handleDataRow.call(this, message);
    else if (this.#pending === this.#preludes.length) this.#isScopeProven = this.#isScope(message.fields);
  }

  #isScope(fields: readonly unknown[]): boolean {
    const values = this.#preludes[0]?.values;
    return fields.length === values?.length && values.every((value, at) => value === fields[at]);
  }

  handleCommandComplete(message: unknown, connection: Wire): void {
    if (this.#pending === 0) internals.handleCommandComplete.call(this, message, connection);
    else this.#pending -= 1;
  }

  handleReadyForQuery(connection: Wire): void {
    if (this.#isScopeProven && this.#pending === 0) internals.handleReadyForQuery.call(this, connection);
    else {
      connection.stream.destroy();
      internals.handleError.call(this, new AnswerOfAnotherScope(), connection);
    }
  }
}

/** Prepares the preludes that the connection does not know yet, once for each connection. */
const preparePreludes = async (client: ClientBase, preludes: readonly Prelude[]): Promise<void> => {
  const { parsedStatements } = (client as unknown as { readonly connection: Wire }).connection;
  // Running a prelude alone has no effect: its settings are local to this one statement.
  for (const { name, text, values } of preludes)
    if (parsedStatements[name] === undefined) await client.query({ name, text, values: [...values] });
};

/**
 * Runs a query after its preludes, in one round trip and one transaction.
 * @param preludes run before the query, in this order; the first one sets the scope
 * @throws the error of the database, or one with "Connection terminated" if the answer was not of this scope
 */
export const scopedQuery = async (
  client: ClientBase,
  config: QueryConfig,
  preludes: readonly [ScopePrelude, ...Prelude[]],
): Promise<QueryResult> => {
  const isNamed = !(client instanceof UnnamedClient);
  if (isNamed) await preparePreludes(client, preludes);
  // For a query without a name and values, pg would use the simple protocol, in which no prelude can be sent.
  const sent = isNamed ? config : { ...config, name: undefined, queryMode: 'extended' };
  return new Promise((resolve, reject) => {
    const query = new ScopedQuery(sent as QueryConfig, preludes, (error, result) => {
      if (error) reject(error);
      else resolve(result as QueryResult);
    });
    client.query(query as never);
  });
};
