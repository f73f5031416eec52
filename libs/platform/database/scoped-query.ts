import { Query, type QueryConfig, type QueryResult } from 'pg';

/** The parts of pg's wire connection that a query writes to; pg exports no types of it. */
interface Wire {
  readonly parsedStatements: Record<string, string | undefined>;
  parse(message: { name: string; text: string }): void;
  bind(message: { statement: string; values: readonly string[] }): void;
  execute(message: Record<string, never>): void;
  on(event: 'parseComplete', listener: () => void): void;
  off(event: 'parseComplete', listener: () => void): void;
}

type Message = { readonly fields: unknown[] };

/** pg's own query, as it is inside: a state machine that the connection feeds with the server's messages. */
interface QueryInside {
  readonly name: string;
  prepare(connection: Wire): void;
  handleDataRow(message: Message): void;
  handleCommandComplete(message: unknown, connection: Wire): void;
  handleError(error: Error, connection: Wire): void;
  submit(connection: Wire): Error | null;
}
const inside = Query.prototype as unknown as QueryInside;

/** A prepared statement that goes in front of a query, in the same message. Nobody gets its answer. */
export interface Front {
  readonly name: string;
  readonly text: string;
  readonly values: readonly string[];
}

/**
 * A prepared query that tells the server first for whom it asks, in the same message and so in the same implicit
 * transaction: what follows up to the `Sync` is one transaction in PostgreSQL's extended protocol, and a setting that is
 * local to it is gone afterwards, whatever happened. One round trip, where BEGIN, SET LOCAL, query and COMMIT are four.
 */
class ScopedQuery extends (Query as unknown as new (config: QueryConfig, callback: unknown) => object) {
  readonly #fronts: readonly Front[];
  /** How many of the fronts the server has not carried out yet. */
  #ahead: number;
  #forgetParsing = (): void => {};

  constructor(
    config: QueryConfig,
    fronts: readonly Front[],
    callback: (error: Error | null, result?: QueryResult) => void,
  ) {
    super(config, callback);
    this.#fronts = fronts;
    this.#ahead = fronts.length;
  }

  prepare(connection: Wire): void {
    this.#parse(connection);
    for (const { name, values } of this.#fronts) {
      connection.bind({ statement: name, values });
      connection.execute({});
    }
    inside.prepare.call(this, connection);
  }

  /**
   * Prepares the fronts that the connection has not seen. pg takes the server's answer to each for one to the query's own
   * statement; were it left so, a query whose own could not be prepared (a lock, a table that is not there yet) would be
   * sent for ever as one that the server knows.
   */
  #parse(connection: Wire): void {
    const { parsedStatements: parsed } = connection;
    const { name: own } = this as unknown as QueryInside;
    const isKnown = parsed[own] !== undefined;
    const unknown = this.#fronts.filter(({ name }) => parsed[name] === undefined);
    if (unknown.length === 0) return;
    let done = 0;
    const parseComplete = (): void => {
      const { name, text } = unknown[done++] as Front;
      parsed[name] = text;
      if (!isKnown) delete parsed[own];
      if (done === unknown.length) this.#forgetParsing();
    };
    this.#forgetParsing = () => connection.off('parseComplete', parseComplete);
    connection.on('parseComplete', parseComplete);
    for (const { name, text } of unknown) connection.parse({ name, text });
  }

  handleDataRow(message: Message): void {
    if (this.#ahead === 0) inside.handleDataRow.call(this, message);
  }

  handleCommandComplete(message: unknown, connection: Wire): void {
    if (this.#ahead === 0) inside.handleCommandComplete.call(this, message, connection);
    else this.#ahead -= 1;
  }

  handleError(error: Error, connection: Wire): void {
    this.#forgetParsing();
    inside.handleError.call(this, error, connection);
  }
}

/** @param fronts what the server carries out before it, in order */
export const scopedQuery = (
  submit: (query: object) => unknown,
  config: QueryConfig,
  fronts: readonly Front[],
): Promise<QueryResult> =>
  new Promise((resolve, reject) => {
    submit(
      new ScopedQuery(config, fronts, (error, result) => {
        if (error) reject(error);
        else resolve(result as QueryResult);
      }),
    );
  });
