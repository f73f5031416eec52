import { execFileSync } from 'node:child_process';
import { chmod, copyFile, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MIGRATIONS } from '#apps/migrations';
import { type EmbeddedPostgres, openEmbeddedPostgres } from '#platform/embedded-postgres/index';
import { isAlive } from '#platform/embedded-postgres/process-identity';
import { stopOrphan } from '#platform/embedded-postgres/server';

/** Kept for the teardown, which jest runs in the same process. */
export const running: { postgres?: EmbeddedPostgres; dataDir?: string; documents?: string } = {};

const PREFIX = 'tenantry-test-';

/** The OpenAPI documents, with which the answers of the product are compared. A build removes the file. */
const DOCUMENTS = 'dist/.openapi.json';
const WRITE_DOCUMENTS = `
  import('./scripts/build.mjs').then(async ({ buildIfNeeded }) => {
    const { existsSync, writeFileSync } = require('node:fs');
    buildIfNeeded();
    if (existsSync('${DOCUMENTS}')) return;
    const { readDocuments } = await import('./scripts/openapi-documents.mjs');
    writeFileSync('${DOCUMENTS}', JSON.stringify(await readDocuments()));
  });`;

/**
 * Starts one PostgreSQL for all specs of a run, or uses the one at TEST_DATABASE_URL, whose user must be a superuser.
 * `libs/testing/database.ts` creates a database in it for each spec.
 */
export default async (): Promise<void> => {
  // Specs that start the product as a process run dist/. It is built here once, so that specs do not build it in
  // parallel.
  const root = join(__dirname, '../..');
  execFileSync(process.execPath, ['-e', WRITE_DOCUMENTS], { cwd: root, stdio: 'inherit' });
  // A copy, because another process may build during the run.
  running.documents = await mkdtemp(join(tmpdir(), `${PREFIX}${process.pid}-`));
  const documents = join(running.documents, 'openapi.json');
  await copyFile(join(root, DOCUMENTS), documents);
  process.env['TENANTRY_TEST_OPENAPI'] = documents;
  process.env['TENANTRY_TEST_MIGRATIONS'] = JSON.stringify(MIGRATIONS);
  const externalUrl = process.env['TEST_DATABASE_URL'];
  if (externalUrl) {
    process.env['TENANTRY_TEST_DATABASE_URL'] = externalUrl;
    return;
  }
  await removeLeftovers();
  running.dataDir = await mkdtemp(join(tmpdir(), `${PREFIX}${process.pid}-`));
  // If this process is root, the server runs as another user, which needs access to the folder.
  await chmod(running.dataDir, 0o711);
  running.postgres = await openEmbeddedPostgres({ dataDir: running.dataDir, durable: false });
  process.env['TENANTRY_TEST_DATABASE_URL'] = running.postgres.url;
};

/** Removes the directories of killed runs, and stops their servers, which may still be running. */
const removeLeftovers = async (): Promise<void> => {
  for (const name of await readdir(tmpdir())) {
    const pid = Number(new RegExp(`^${PREFIX}(\\d+)-`).exec(name)?.[1] ?? 0);
    if (pid === 0 || isAlive(pid)) continue;
    const dataDir = join(tmpdir(), name);
    await stopOrphan(join(dataDir, 'postgres'), () => undefined);
    await rm(dataDir, { recursive: true, force: true });
  }
};
