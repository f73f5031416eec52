import { Client } from 'pg';
import { codeOf } from '../../error-code';

/**
 * A pooler in transaction mode between this process and PostgreSQL, such as PgBouncer: each transaction may run on
 * another connection of the server. `named-statements`: the pooler keeps prepared statements for each of its clients
 * (PgBouncer 1.21 or later with `max_prepared_statements`). `unnamed-statements`: it does not, so each statement is
 * parsed again.
 */
export type Pooler = 'named-statements' | 'unnamed-statements';

/** The URL to which a pool connects, and the pooler at that URL. */
export interface Route {
  readonly url: string;
  /** Undefined: the connection leads to PostgreSQL itself. */
  readonly pooler?: Pooler | undefined;
}

/** Properties of a server that can be seen on a connection to it. */
export interface ServerIdentity {
  /** True if the process id of the session differs from the one in the answer to the login. */
  readonly behindPooler: boolean;
  /** Identifies one database of one server: equal for two connections that lead to the same one. */
  readonly database: string;
}

/** ms */
const CONNECT_MS = 10_000;

/**
 * Logs in once and queries the process id of the session: a pooler answers the login with another number than
 * PostgreSQL. This works with every pooler in transaction mode, whether it refuses, ignores or passes on start-up
 * parameters.
 * @throws the error of `pg` if the login is refused or does not finish within 10 s
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

/**
 * True if the pooler refuses a start-up parameter that PostgreSQL accepts, or does not know the user or the database.
 */
export const isRefusedByPooler = (error: unknown): boolean =>
  codeOf(error) === '08P01' &&
  /startup parameter|no such (user|database)/.test(error instanceof Error ? error.message : '');
