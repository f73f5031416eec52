import type { Pool, PoolClient } from 'pg';

/**
 * The fault of one statement: `none`; `request`: it does not reach the server; `answer`: it is executed and its answer
 * is lost.
 */
export type Fault = 'none' | 'request' | 'answer';

type Query = (...args: unknown[]) => Promise<unknown>;

const textOf = (query: unknown): string =>
  typeof query === 'string' ? query : String((query as { text?: unknown }).text ?? '');

/** The error of `pg` for a connection that was cut. */
const cut = (): Error => new Error('Connection terminated unexpectedly');

/**
 * Wraps a pool and puts faults into its statements.
 * @param next returns the fault of a statement, given its text
 * @param rewrite changes the text of a statement; a test can put a bug into it
 */
export const faultyPool = (pool: Pool, next: (sql: string) => Fault, rewrite = (sql: string): string => sql): Pool => {
  const faulty = (client: PoolClient): PoolClient => {
    const send = client.query.bind(client) as unknown as Query;
    const query = (first: unknown, ...rest: unknown[]): unknown => {
      // A stream, such as that of COPY, is passed on without a fault.
      if (typeof (first as { submit?: unknown }).submit === 'function') return send(first, ...rest);
      return (async () => {
        const text = textOf(first);
        const fault = next(text);
        if (fault === 'request') throw cut();
        const rewritten = rewrite(text);
        const sent = rewritten === text ? first : { ...(first as object), text: rewritten, name: undefined };
        const answer = await send(sent, ...rest);
        if (fault === 'answer') throw cut();
        return answer;
      })();
    };
    return { query, release: (broken?: boolean) => client.release(broken) } as unknown as PoolClient;
  };
  const connect = async (): Promise<PoolClient> => faulty(await pool.connect());
  const query: Query = async (...args) => {
    const client = await connect();
    try {
      return await (client.query as unknown as Query)(...args);
    } finally {
      client.release(true);
    }
  };
  return { connect, query } as unknown as Pool;
};
