// `npm run schema`: writes docs/schema.sql, the whole database after all migrations. It creates the database in a
// temporary embedded PostgreSQL. apps/migrations/schema.spec.ts fails if the file is out of date.
import { randomBytes } from 'node:crypto';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { buildIfNeeded, root } from './build.mjs';

buildIfNeeded();
const load = (path) => createRequire(import.meta.url)(join(root, 'dist', path));
const { MIGRATIONS, RETIRED, SUPPLEMENTS } = load('apps/migrations.js');
const { describeDatabase } = load('libs/platform/database/catalogue/describe-database.js');
const { migrate } = load('libs/platform/database/migrations/migrate.js');
const { createPool } = load('libs/platform/database/connections/pools.js');
const { deriveRolePasswords, roleNames, roleUrls } = load('libs/platform/database/roles/roles.js');
const { openEmbeddedPostgres } = load('libs/platform/embedded-postgres/index.js');
const { JOBS_SCHEMA } = load('libs/platform/jobs/schema.js');
const { installProjections } = load('libs/projecting/versions/install.js');
const { projections } = load('projections/index.js');

const PREFIX = 'tenantry';

const describe = async (url) => {
  const rolePasswords = deriveRolePasswords(url, randomBytes(32), PREFIX);
  await migrate(url, {
    rolePrefix: PREFIX,
    rolePasswords,
    migrations: MIGRATIONS,
    retired: RETIRED,
    supplements: SUPPLEMENTS,
  });
  const pool = createPool({
    url: roleUrls(url, PREFIX, rolePasswords).projector,
    max: 1,
    applicationName: 'tenantry-schema',
  });
  await installProjections(pool, projections, roleNames(PREFIX));
  await pool.end();
  const owner = new pg.Client({ connectionString: url });
  await owner.connect();
  try {
    return await describeDatabase(owner, PREFIX, [JOBS_SCHEMA]);
  } finally {
    await owner.end();
  }
};

const dataDir = mkdtempSync(join(tmpdir(), 'tenantry-schema-'));
// If this process is root, the server runs as another user, which needs access to the folder.
chmodSync(dataDir, 0o711);
try {
  const postgres = await openEmbeddedPostgres({ dataDir, durable: false });
  try {
    writeFileSync(join(root, 'docs/schema.sql'), await describe(postgres.url));
  } finally {
    await postgres.stop();
  }
} finally {
  rmSync(dataDir, { recursive: true, force: true });
}
