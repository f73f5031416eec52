import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Pool } from 'pg';
import { createTestDatabase, TEST_ROLE_PREFIX, TEST_SECRET_KEY } from '#testing/database';
import { checkHistory, type LossWindow, type Verdict } from '../chaos/checker';
import type { Tenant } from '../chaos/client';
import { launch, type Product, until } from './start/product';

/** Processes of the product on one database. */
export interface System {
  readonly databaseUrl: string;
  readonly database: string;
  /** Connects to the database as a superuser. */
  readonly owner: Pool;
  /** Connects to another database of the server as a superuser, to end connections to this one. */
  readonly server: Pool;
  /**
   * Starts one process.
   * @param env replaces and extends the common settings
   * @param dist folder of the compiled product of another release
   */
  start(env?: Record<string, string>, dist?: string): Product;
  readonly env: Record<string, string>;
  /** Ends all connections of the product to the database. @returns their number */
  terminateBackends(): Promise<number>;
  /**
   * Waits until interrupted sign-ups are completed and the read models are at the end of the log. Then compares the
   * answers of the clients with the log.
   * @returns the contradictions
   */
  complaints(tenants: readonly Tenant[]): Promise<string[]>;
  /** The same comparison after failovers that may have lost writes acknowledged in these windows. */
  verdict(tenants: readonly Tenant[], windows: readonly LossWindow[]): Promise<Verdict>;
  close(): Promise<void>;
}

/** Creates a database on the server that all tests share. `close` deletes it. */
export const openSystem = async (): Promise<System> => {
  const { urls, name, drop } = await createTestDatabase();
  return systemOn(urls.owner, name, drop);
};

/**
 * Uses a given database.
 * @param databaseUrl URL for its owner, a superuser
 * @param name name of the database
 * @param drop called by `close`
 */
export const systemOn = (databaseUrl: string, name: string, drop: () => Promise<void>): System => {
  const dataDir = mkdtempSync(join(tmpdir(), 'tenantry-system-'));
  const [owner, server] = [databaseUrl, serverUrlOf(databaseUrl)].map((connectionString) => {
    const pool = new Pool({ connectionString, max: 2 });
    pool.on('error', () => undefined);
    return pool;
  }) as [Pool, Pool];
  const env = {
    DATABASE_URL: databaseUrl,
    DATABASE_ROLE_PREFIX: TEST_ROLE_PREFIX,
    DATABASE_POOL_SIZE: '6',
    SECRET_KEY: TEST_SECRET_KEY.toString('base64'),
    SIGNUP_RATE_PER_HOUR: '1000000',
    SIGNIN_RATE_PER_MINUTE: '1000000',
    JOIN_RATE_PER_MINUTE: '1000000',
    SIGNIN_ACCOUNT_RATE_PER_MINUTE: '1000000',
    API_RATE_PER_MINUTE: '1000000',
    // The clients do not refresh their tokens, and a thousand kills on a slow machine take more than an hour.
    ACCESS_TOKEN_TTL_SECONDS: '86400',
    PLANS: 'none',
    STRIPE_SIM_PORT: '0',
    PASSWORD_HASH_CONCURRENCY: '1',
    LOG_LEVEL: 'warn',
  };
  return {
    databaseUrl,
    database: name,
    owner,
    server,
    env,
    start: (more = {}, dist) => launch(dataDir, { env: { ...env, ...more }, ...(dist !== undefined && { dist }) }),
    terminateBackends: async () => {
      const { rowCount } = await server.query(
        `select pg_terminate_backend(pid) from pg_stat_activity
         where datname = $1 and application_name like 'tenantry-%'`,
        [name],
      );
      return rowCount ?? 0;
    },
    complaints: async (tenants) => {
      await healed(owner);
      return (await checkHistory(owner, tenants)).complaints;
    },
    verdict: async (tenants, windows) => {
      await healed(owner);
      return checkHistory(owner, tenants, windows);
    },
    close: async () => {
      await Promise.all([owner.end(), server.end()]);
      await drop();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
};

const serverUrlOf = (url: string): string => {
  const server = new URL(url);
  server.pathname = '/postgres';
  return server.href;
};

/**
 * Waits until the sweeper has completed all interrupted sign-ups, and the read models are at the end of the log. The
 * sweeper usually leaves a sign-up alone for 15 s after its last attempt. This function sets the attempts back, because
 * the clients have stopped and no process works on a sign-up.
 * @param owner connects as a superuser
 * @throws Error after 60 s for the sign-ups, or 10 s for the read models
 */
export const healed = async (owner: Pool): Promise<void> => {
  await owner.query(`update identity.sign_ups set attempted_at = '-infinity' where completed_at is null`);
  const hasNoRows = async (sql: string): Promise<boolean> => (await owner.query(sql)).rows.length === 0;
  await until(() => hasNoRows(`select 1 from identity.users where state <> 'active'`), 60_000);
  await until(
    () =>
      hasNoRows(
        `select 1 from projecting.checkpoints
         where position < (select max(position) from event_log.events where type <> 'UserRegistered')`,
      ),
    10_000,
  );
};
