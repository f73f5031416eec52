import { type ClientBase, Query, type QueryConfig, type QueryResult } from 'pg';
import { UnnamedClient } from '../connections/unnamed-client';

/** The parts of pg's wire connection that a query writes to; pg exports no types of it. */
interface Wire {
  readonly parsedStatements: Record<string, string | undefined>;
  readonly stream: { destroy(): void };
  parse(message: { name: string; text: string }): void;
  bind(message: { statement: string; values: readonly string[] }): void;
  execute(message: Record<string, never>): void;
}

type Message = { readonly fields: readonly unknown[] };

/** pg's own query, as it is inside: a state machine that the connection feeds with the server's messages. */
interface QueryInside {
  prepare(connection: Wire): void;
  handleDataRow(message: Message): void;
  handleCommandComplete(message: unknown, connection: Wire): void;
  handleError(error: Error, connection: Wire): void;
  handleReadyForQuery(connection: Wire): void;
  submit(connection: Wire): Error | null;
}
const inside = Query.prototype as unknown as QueryInside;

/** A prepared statement that goes in front of a query, in the same message. */
export interface Front {
  readonly name: string;
  readonly text: string;
  readonly values: readonly string[];
}

/** For whom a query asks. Its statement answers with its values: they prove whose answer it is that follows. */
export type ScopeFront = Front;

/** What came over the connection was the answer to somebody else's question. Nobody is shown it. */
class AnswerOfAnotherScope extends Error {
  override readonly name = 'AnswerOfAnotherScope';
  // As pg's own words for a connection that is not to be used again.
  override readonly message = 'Connection terminated: an answer was not of the scope that was asked for';
}

/**
 * A prepared query that first sets the tenant and user of the request, in the same message and so in the same implicit
 * transaction: what follows up to the `Sync` is one transaction in PostgreSQL's extended protocol, and a setting that is
 * local to it is gone afterwards, whatever happened. One round trip, where BEGIN, SET LOCAL, query and COMMIT are four.
 *
 * The answer begins with the scope, as the server has set it. One that does not is another query's: the connection is
 * closed, and nobody gets it.
 */
class ScopedQuery extends (Query as unknown as new (config: QueryConfig, callback: unknown) => object) {
  readonly #fronts: readonly Front[];
  readonly #named: boolean;
  /** How many of the fronts the server has not carried out yet. */
  #ahead: number;
  #proven = false;

  constructor(
    config: QueryConfig,
    fronts: readonly [ScopeFront, ...Front[]],
    callback: (error: Error | null, result?: QueryResult) => void,
  ) {
    super(config, callback);
    this.#fronts = fronts;
    this.#named = config.name !== undefined;
    this.#ahead = fronts.length;
  }

  prepare(connection: Wire): void {
    for (const { name, text, values } of this.#fronts) {
      // The next server connection would not know it: it is parsed here, in the same message, without a name.
      if (!this.#named) connection.parse({ name: '', text });
      connection.bind({ statement: this.#named ? name : '', values });
      connection.execute({});
    }
    inside.prepare.call(this, connection);
  }

  handleDataRow(message: Message): void {
    if (this.#ahead === 0) inside.handleDataRow.call(this, message);
    else if (this.#ahead === this.#fronts.length) this.#proven = this.#isScope(message.fields);
  }

  #isScope(fields: readonly unknown[]): boolean {
    const values = this.#fronts[0]?.values;
    return fields.length === values?.length && values.every((value, at) => value === fields[at]);
  }

  handleCommandComplete(message: unknown, connection: Wire): void {
    if (this.#ahead === 0) inside.handleCommandComplete.call(this, message, connection);
    else this.#ahead -= 1;
  }

  handleReadyForQuery(connection: Wire): void {
    if (this.#proven && this.#ahead === 0) inside.handleReadyForQuery.call(this, connection);
    else {
      connection.stream.destroy();
      inside.handleError.call(this, new AnswerOfAnotherScope(), connection);
    }
  }
}

/** Makes what stands in front ready, where the connection does not know it: once a connection. */
const prepareFronts = async (client: ClientBase, fronts: readonly Front[]): Promise<void> => {
  const { parsedStatements } = (client as unknown as { readonly connection: Wire }).connection;
  // Carried out by itself, and local to that, it changes nothing and finds nothing.
  for (const { name, text, values } of fronts)
    if (parsedStatements[name] === undefined) await client.query({ name, text, values: [...values] });
};

/** @param fronts what the server carries out before it, in order: first for whom it asks */
export const scopedQuery = async (
  client: ClientBase,
  config: QueryConfig,
  fronts: readonly [ScopeFront, ...Front[]],
): Promise<QueryResult> => {
  const named = !(client instanceof UnnamedClient);
  if (named) await prepareFronts(client, fronts);
  // Without a name and a value, pg would send the text alone, and nothing could go in front of it.
  const sent = named ? config : { ...config, name: undefined, queryMode: 'extended' };
  return new Promise((resolve, reject) => {
    const query = new ScopedQuery(sent as QueryConfig, fronts, (error, result) => {
      if (error) reject(error);
      else resolve(result as QueryResult);
    });
    client.query(query as never);
  });
};
