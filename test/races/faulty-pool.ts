import type { Pool, PoolClient } from 'pg';

/** What becomes of one statement: it arrives and is answered, it does not arrive, or its answer is lost. */
export type Fault = 'none' | 'request' | 'answer';

type Query = (...args: unknown[]) => Promise<unknown>;

const textOf = (query: unknown): string =>
  typeof query === 'string' ? query : String((query as { text?: unknown }).text ?? '');

/** As `pg` says it of a connection that was cut. */
const cut = (): Error => new Error('Connection terminated unexpectedly');

/**
 * The pool, with a fault where `next` says so of a statement's text. `rewrite` changes statements on their way: it puts
 * bugs into them.
 */
export const faultyPool = (pool: Pool, next: (sql: string) => Fault, rewrite = (sql: string): string => sql): Pool => {
  const faulty = (client: PoolClient): PoolClient => {
    const send = client.query.bind(client) as unknown as Query;
    const query = (first: unknown, ...rest: unknown[]): unknown => {
      // A stream, as of COPY.
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
