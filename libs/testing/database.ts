import { createHash, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Client, DatabaseError, escapeIdentifier } from 'pg';
import { ADVISORY_LOCKS } from '#platform/database/locks/advisory-locks';
import type { Migration } from '#platform/database/migrations/applied-migrations';
import { migrate } from '#platform/database/migrations/migrate';
import { deriveRolePasswords, type PerRole, roleUrls, secureDatabase } from '#platform/database/roles/roles';
import { jobsSchema } from '#platform/jobs/schema';

/** A database that belongs to one test, with every migration applied. */
export interface TestDatabase {
  readonly name: string;
  readonly rolePrefix: string;
  /** A connection URL for each role. `owner` is a superuser, to whom row-level security does not apply. */
  readonly urls: PerRole<string> & { readonly owner: string };
  /** Ends every connection to the database and deletes it. */
  drop(): Promise<void>;
}

/** The prefix of the role names in databases of tests. It differs from that of every installation. */
export const TEST_ROLE_PREFIX = 'tenantry_test';
/** A key of 32 bytes for tests that encrypt or sign. */
export const TEST_SECRET_KEY = createHash('sha256').update('tenantry test').digest();

/**
 * Creates a database as a copy of a template (60 ms). The template is migrated once for each state of the migrations.
 * The server is started by `jest.config.js`. Call `drop` in `afterAll`.
 * @param migrations all migrations of the product by default
 */
export const createTestDatabase = async (
  migrations: readonly Migration[] = productMigrations(),
): Promise<TestDatabase> => {
  const server = serverUrl();
  const name = `tenantry_test_${randomBytes(6).toString('hex')}`;
  await withServer(server, async (client) => {
    const template = await ensureTemplate(client, server, migrations);
    await client.query(`create database ${escapeIdentifier(name)} template ${escapeIdentifier(template)}`);
  });
  const owner = onDatabase(server, name);
  await withServer(owner, (client) => secureDatabase(client, TEST_ROLE_PREFIX));
  return {
    name,
    rolePrefix: TEST_ROLE_PREFIX,
    urls: { owner, ...roleUrls(owner, TEST_ROLE_PREFIX, passwords(server)) },
    drop: () =>
      withServer(server, async (client) => {
        await client.query(`drop database if exists ${escapeIdentifier(name)} with (force)`);
      }),
  };
};

/** Creates an empty database without migrations, for tests of the migrations themselves. */
export const createEmptyDatabase = async (): Promise<{ url: string; drop(): Promise<void> }> => {
  const server = serverUrl();
  const name = `tenantry_test_${randomBytes(6).toString('hex')}`;
  await withServer(server, (client) => client.query(`create database ${escapeIdentifier(name)}`));
  return {
    url: onDatabase(server, name),
    drop: () =>
      withServer(server, async (client) => {
        await client.query(`drop database if exists ${escapeIdentifier(name)} with (force)`);
      }),
  };
};

const supplementsOf = (migrations: readonly Migration[]) =>
  migrations.some(({ id }) => id.endsWith('-jobs')) ? [jobsSchema] : [];

const serverUrl = (): string => fromSetup('TENANTRY_TEST_DATABASE_URL');

const productMigrations = (): Migration[] => JSON.parse(fromSetup('TENANTRY_TEST_MIGRATIONS')) as Migration[];

const fromSetup = (name: string): string => {
  const value = process.env[name];
  if (value) return value;
  throw new Error(`${name} is not set; run the spec with jest, because test/setup/global-setup.ts sets it`);
};

const passwords = (url: string): PerRole<string> => deriveRolePasswords(url, TEST_SECRET_KEY, TEST_ROLE_PREFIX);

const onDatabase = (url: string, name: string): string => {
  const on = new URL(url);
  on.pathname = `/${name}`;
  return on.href;
};

const withServer = async <T>(url: string, work: (client: Client) => Promise<T>): Promise<T> => {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
};

/**
 * Migrates the template under another name and renames it afterwards, so that a killed run leaves no unfinished
 * template.
 */
const ensureTemplate = async (client: Client, server: string, migrations: readonly Migration[]): Promise<string> => {
  const hash = createHash('sha256').update(TEST_ROLE_PREFIX);
  for (const { id, file } of migrations) hash.update(id).update(readFileSync(file));
  // The tables of BullMQ depend on its version.
  hash.update(readFileSync(require.resolve('bullmq/package.json')));
  const template = `tenantry_template_${hash.digest('hex').slice(0, 16)}`;
  if (await exists(client, template)) return template;
  await client.query('select pg_advisory_lock($1)', [ADVISORY_LOCKS.testTemplate]);
  try {
    if (await exists(client, template)) return template;
    const unfinished = `${template}_unfinished`;
    await client.query(`drop database if exists ${escapeIdentifier(unfinished)} with (force)`);
    await client.query(`create database ${escapeIdentifier(unfinished)}`);
    await migrate(onDatabase(server, unfinished), {
      rolePrefix: TEST_ROLE_PREFIX,
      rolePasswords: passwords(server),
      migrations,
      supplements: supplementsOf(migrations),
    });
    await rename(client, unfinished, template);
    return template;
  } finally {
    await client.query('select pg_advisory_unlock($1)', [ADVISORY_LOCKS.testTemplate]);
  }
};

const exists = async (client: Client, database: string): Promise<boolean> => {
  const { rowCount } = await client.query('select from pg_database where datname = $1', [database]);
  return rowCount === 1;
};

/**
 * Renames a database. Tries again, because the server needs a moment to see that the migration's connections have
 * ended.
 */
const rename = async (client: Client, from: string, to: string): Promise<void> => {
  for (let attempt = 1; ; attempt++) {
    try {
      await client.query(`alter database ${escapeIdentifier(from)} rename to ${escapeIdentifier(to)}`);
      return;
    } catch (error) {
      if (!(error instanceof DatabaseError) || error.code !== '55006' || attempt === 50) throw error;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
};
