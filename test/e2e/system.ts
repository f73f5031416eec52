import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Pool } from 'pg';
import { createTestDatabase, TEST_ROLE_PREFIX, TEST_SECRET_KEY } from '#testing/database';
import { checkHistory, type LossWindow, type Verdict } from '../chaos/checker';
import type { Tenant } from '../chaos/client';
import { launch, type Product, until } from './start/product';

/** The product's processes on a database of their own. */
export interface System {
  readonly databaseUrl: string;
  readonly database: string;
  /** Connects as a superuser, past the product. */
  readonly owner: Pool;
  /** The same on another database of the server, for what ends connections to this one. */
  readonly server: Pool;
  /** Starts one process; `env` goes before what all of them share, `dist` is a compiled product of another release. */
  start(env?: Record<string, string>, dist?: string): Product;
  readonly env: Record<string, string>;
  /** Ends every connection of the product. @returns how many */
  terminateBackends(): Promise<number>;
  /**
   * Waits until sign-ups that were interrupted are completed and the read models are at the end of the log, then holds what
   * the clients were told against it.
   */
  complaints(companies: readonly Tenant[]): Promise<string[]>;
  /** The same where failovers may have lost what was acknowledged in these windows. */
  verdict(companies: readonly Tenant[], windows: readonly LossWindow[]): Promise<Verdict>;
  close(): Promise<void>;
}

/** The product on a throw-away database of the server that all tests share. */
export const openSystem = async (): Promise<System> => {
  const { urls, name, drop } = await createTestDatabase();
  return systemOn(urls.owner, name, drop);
};

/**
 * The product on a given database.
 * @param databaseUrl for its owner, a superuser
 * @param drop called when the system is closed
 */
export const systemOn = (databaseUrl: string, name: string, drop: () => Promise<void>): System => {
  const dataDir = mkdtempSync(join(tmpdir(), 'tenantry-system-'));
  const [owner, server] = [databaseUrl, onServer(databaseUrl)].map((connectionString) => {
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
    complaints: async (companies) => {
      await healed(owner);
      return (await checkHistory(owner, companies)).complaints;
    },
    verdict: async (companies, windows) => {
      await healed(owner);
      return checkHistory(owner, companies, windows);
    },
    close: async () => {
      await Promise.all([owner.end(), server.end()]);
      await drop();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
};

const onServer = (url: string): string => {
  const server = new URL(url);
  server.pathname = '/postgres';
  return server.href;
};

/**
 * Waits until nothing is left that was interrupted. The sweeper takes a sign-up over 15 s after it was last worked on, for
 * which this does not wait: nobody works on any, now that the clients are gone.
 * @param owner connects as a superuser
 */
export const healed = async (owner: Pool): Promise<void> => {
  await owner.query(`update identity.sign_ups set attempted_at = '-infinity' where completed_at is null`);
  const none = async (sql: string): Promise<boolean> => (await owner.query(sql)).rows.length === 0;
  await until(() => none(`select 1 from identity.users where state <> 'active'`), 60_000);
  await until(
    () =>
      none(
        `select 1 from projecting.checkpoints
         where position < (select max(position) from event_log.events where type <> 'UserRegistered')`,
      ),
    10_000,
  );
};
