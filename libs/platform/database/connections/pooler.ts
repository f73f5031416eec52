import { Client } from 'pg';
import { codeOf } from '../../error-code';

/**
 * A pooler in transaction mode between this process and PostgreSQL, such as PgBouncer: each transaction may run on another
 * connection of the server. `named-statements`: the pooler keeps prepared statements for each of its clients (PgBouncer
 * 1.21 or later with `max_prepared_statements`). `unnamed-statements`: it does not, so each statement is parsed again.
 */
export type Pooler = 'named-statements' | 'unnamed-statements';

/** Where a pool connects, and what stands in between. */
export interface Route {
  readonly url: string;
  /** Left out: the connection leads to PostgreSQL itself. */
  readonly pooler?: Pooler | undefined;
}

/** What a connection says of the server at its end. */
export interface ServerIdentity {
  /** True where the process id of the session is not the one that the login was answered with. */
  readonly behindPooler: boolean;
  /** The same for two connections that lead to one database of one server. */
  readonly database: string;
}

/** ms */
const CONNECT_MS = 10_000;

/**
 * Logs in once, and asks the session for its process id: a pooler answers the login with a number of its own. That holds
 * for every pooler in transaction mode, whatever start-up parameters it refuses, ignores or passes on.
 * @throws what `pg` throws where the login is refused
 */
export const identifyServer = async (url: string): Promise<ServerIdentity> => {
  const client = new Client({
    connectionString: url,
    application_name: 'tenantry-start',
    connectionTimeoutMillis: CONNECT_MS,
    query_timeout: CONNECT_MS,
  });
  client.on('error', () => undefined);
  try {
    await client.connect();
    const { rows } = await client.query<{ pid: number; database: string }>(
      `select pg_backend_pid() as pid, (select system_identifier from pg_control_system()) || '/' || oid as database
       from pg_database where datname = current_database()`,
    );
    const { processID } = client as unknown as { readonly processID: number | null };
    return { behindPooler: rows[0]?.pid !== processID, database: rows[0]?.database ?? '' };
  } finally {
    await client.end().catch(() => undefined);
  }
};

/** The pooler refuses a start-up parameter that PostgreSQL takes, or has no entry for the user or the database. */
export const isRefusedByPooler = (error: unknown): boolean =>
  codeOf(error) === '08P01' &&
  /startup parameter|no such (user|database)/.test(error instanceof Error ? error.message : '');
