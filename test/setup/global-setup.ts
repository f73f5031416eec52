import { execFileSync } from 'node:child_process';
import { chmod, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MIGRATIONS } from '#apps/migrations';
import { type EmbeddedPostgres, openEmbeddedPostgres } from '#platform/embedded-postgres/index';
import { isAlive } from '#platform/embedded-postgres/process-identity';
import { stopOrphan } from '#platform/embedded-postgres/server';

/** Kept for the teardown, which jest runs in the same process. */
export const running: { postgres?: EmbeddedPostgres; dataDir?: string } = {};

const PREFIX = 'tenantry-test-';

/**
 * One PostgreSQL for all specs of a run, or the one that TEST_DATABASE_URL names (its user has to be a superuser).
 * `libs/testing/database.ts` gives each spec a database in it.
 */
export default async (): Promise<void> => {
  // Specs that run the product as a process run dist/; built here, once, and not by several of them at the same time.
  execFileSync(process.execPath, ['-e', 'import("./scripts/build.mjs").then((it) => it.buildIfNeeded())'], {
    cwd: join(__dirname, '../..'),
    stdio: 'inherit',
  });
  process.env['TENANTRY_TEST_MIGRATIONS'] = JSON.stringify(MIGRATIONS);
  const given = process.env['TEST_DATABASE_URL'];
  if (given) {
    process.env['TENANTRY_TEST_DATABASE_URL'] = given;
    return;
  }
  await removeLeftovers();
  running.dataDir = await mkdtemp(join(tmpdir(), `${PREFIX}${process.pid}-`));
  // As root the server runs as another user, who has to get in.
  await chmod(running.dataDir, 0o711);
  running.postgres = await openEmbeddedPostgres({ dataDir: running.dataDir, durable: false });
  process.env['TENANTRY_TEST_DATABASE_URL'] = running.postgres.url;
};

/** Of runs that were killed: their server may still be there, and their directory is. */
const removeLeftovers = async (): Promise<void> => {
  for (const name of await readdir(tmpdir())) {
    const pid = Number(new RegExp(`^${PREFIX}(\\d+)-`).exec(name)?.[1] ?? 0);
    if (pid === 0 || isAlive(pid)) continue;
    const dataDir = join(tmpdir(), name);
    await stopOrphan(join(dataDir, 'postgres'), () => undefined);
    await rm(dataDir, { recursive: true, force: true });
  }
};
