import { chmod, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { MIGRATIONS } from '#apps/migrations';
import { openEmbeddedPostgres } from '#platform/embedded-postgres/index';
import { isAlive } from '#platform/embedded-postgres/process-identity';
import { stopOrphan } from '#platform/embedded-postgres/server';

const PREFIX = 'tenantry-bench-';

/** The PostgreSQL server on which everything except `npm start` is measured. */
export interface BenchServer {
  /** The URL for a superuser. */
  readonly url: string;
  readonly version: string;
  /** Its settings of durability and memory. */
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

/** Removes the directories of killed runs, and stops their servers, which may still be running. */
const removeLeftovers = async (): Promise<void> => {
  for (const name of await readdir(tmpdir())) {
    const pid = Number(new RegExp(`^${PREFIX}(\\d+)-`).exec(name)?.[1] ?? 0);
    if (pid === 0 || isAlive(pid)) continue;
    await stopOrphan(join(tmpdir(), name, 'postgres'), () => undefined);
    await rm(join(tmpdir(), name), { recursive: true, force: true });
  }
};

/** A new temporary directory. If the benchmark runs as root, PostgreSQL's user can access it, too. */
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

/** Opens the PostgreSQL at BENCH_DATABASE_URL, or the embedded one with the settings of the product. */
export const openServer = async (): Promise<BenchServer> => {
  const externalUrl = process.env['BENCH_DATABASE_URL'];
  const { url, stop } = externalUrl ? { url: externalUrl, stop: async () => undefined } : await openEmbedded();
  // libs/testing/database.ts creates its databases on this server.
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
