import { chmod, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { MIGRATIONS } from '#apps/migrations';
import { openEmbeddedPostgres } from '#platform/embedded-postgres/index';
import { isAlive } from '#platform/embedded-postgres/process-identity';
import { stopOrphan } from '#platform/embedded-postgres/server';

const PREFIX = 'tenantry-bench-';

/** The PostgreSQL that everything but `npm start` is measured on. */
export interface BenchServer {
  /** For a superuser. */
  readonly url: string;
  readonly version: string;
  /** What durability and memory it runs with. */
  readonly settings: Readonly<Record<string, string>>;
  stop(): Promise<void>;
}

const SETTINGS = [
  'fsync',
  'synchronous_commit',
  'full_page_writes',
  'wal_compression',
  'shared_buffers',
  'max_wal_size',
];

/** Of runs that were killed: their server may still be there, and their directory is. */
const removeLeftovers = async (): Promise<void> => {
  for (const name of await readdir(tmpdir())) {
    const pid = Number(new RegExp(`^${PREFIX}(\\d+)-`).exec(name)?.[1] ?? 0);
    if (pid === 0 || isAlive(pid)) continue;
    await stopOrphan(join(tmpdir(), name, 'postgres'), () => undefined);
    await rm(join(tmpdir(), name), { recursive: true, force: true });
  }
};

/** A directory of the run's own, which PostgreSQL's user can reach where the bench runs as root. */
export const temporaryDirectory = async (): Promise<string> => {
  const directory = await mkdtemp(join(tmpdir(), `${PREFIX}${process.pid}-`));
  await chmod(directory, 0o711);
  return directory;
};

const openEmbedded = async (): Promise<{ url: string; stop(): Promise<void> }> => {
  await removeLeftovers();
  const dataDir = await temporaryDirectory();
  const postgres = await openEmbeddedPostgres({ dataDir, durable: true });
  return {
    url: postgres.url,
    stop: async () => {
      await postgres.stop();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
};

/** The product's own embedded PostgreSQL with its own settings, or the one that BENCH_DATABASE_URL names. */
export const openServer = async (): Promise<BenchServer> => {
  const given = process.env['BENCH_DATABASE_URL'];
  const { url, stop } = given ? { url: given, stop: async () => undefined } : await openEmbedded();
  // libs/testing/database.ts makes its databases there.
  process.env['TENANTRY_TEST_DATABASE_URL'] = url;
  process.env['TENANTRY_TEST_MIGRATIONS'] = JSON.stringify(MIGRATIONS);
  const client = new Client({ connectionString: url });
  await client.connect();
  const { rows } = await client.query<{ name: string; value: string }>(
    'select name, current_setting(name) as value from unnest($1::text[]) as name',
    [['server_version', ...SETTINGS]],
  );
  await client.end();
  const { server_version: version = 'unknown', ...settings } = Object.fromEntries(
    rows.map(({ name, value }) => [name, value]),
  );
  return { url, version, settings, stop };
};
