import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { createEmptyDatabase, TEST_ROLE_PREFIX, TEST_SECRET_KEY } from '#testing/database';
import { deriveRolePasswords, roleUrls, urlFor } from '../roles/roles';
import type { Migration } from './applied-migrations';
import { type MigrateOptions, migrate, type Supplement } from './migrate';

let dir: string;
let database: { url: string; drop(): Promise<void> };
const files: Migration[] = [];

const write = async (id: string, sql: string): Promise<Migration> => {
  const file = join(dir, `${id}.sql`);
  await writeFile(file, sql);
  return { id, file };
};

const options = (
  migrations: readonly Migration[],
  url = database.url,
  rolePrefix = TEST_ROLE_PREFIX,
): MigrateOptions => ({
  rolePrefix,
  rolePasswords: deriveRolePasswords(url, TEST_SECRET_KEY, rolePrefix),
  migrations,
});

const query = async <R>(url: string, sql: string): Promise<R[]> => {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(sql)).rows as R[];
  } finally {
    await client.end();
  }
};

const dropWithRoles = async (prefix: string): Promise<void> => {
  await database.drop();
  const roles = ['app', 'log', 'projector', 'operator', 'jobs', 'owner'].map((role) => `${prefix}_${role}`).join(', ');
  const server = new URL(database.url);
  server.pathname = '/postgres';
  await query(server.href, `drop role ${roles}`);
};

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'tenantry-migrate-'));
  database = await createEmptyDatabase();
  files.length = 0;
  files.push(
    { id: '0001-roles', file: join(__dirname, '../../../../apps/migrations/0001-read-models.sql') },
    await write(
      '0002-first',
      'create schema first; create table first.t (n integer); grant usage on schema first to {{app}};',
    ),
  );
});

afterEach(async () => {
  await database.drop();
  await rm(dir, { recursive: true });
});

describe('migrate', () => {
  it('applies each missing migration once, also when several processes start at the same moment', async () => {
    const results = await Promise.all([1, 2, 3].map(() => migrate(database.url, options(files))));
    expect(results.flatMap((it) => it.applied).sort()).toEqual(['0001-roles', '0002-first']);
    expect(await migrate(database.url, options(files))).toEqual({ applied: [] });
    const later = await write('0003-second', 'create table first.u (n integer)');
    expect(await migrate(database.url, options([...files, later]))).toEqual({ applied: ['0003-second'] });
  });

  it('refuses a migration that was changed after it was applied, and names it', async () => {
    await migrate(database.url, options(files));
    await write('0002-first', 'create schema another');
    await expect(migrate(database.url, options(files))).rejects.toThrow(/^migration 0002-first was changed/);
  });

  it('rolls back a migration that fails, and names it', async () => {
    const broken = await write('0003-broken', 'create table first.v (n integer); select nothing_like_it();');
    await expect(migrate(database.url, options([...files, broken]))).rejects.toThrow(/^migration 0003-broken failed/);
    expect(await query(database.url, "select to_regclass('first.v') as it")).toEqual([{ it: null }]);
    const mended = await write('0003-broken', 'create table first.v (n integer)');
    expect(await migrate(database.url, options([...files, mended]))).toEqual({ applied: ['0003-broken'] });
  });

  it('refuses a database that has a migration of a development version, and changes nothing in it', async () => {
    await migrate(database.url, options(files));
    await query(database.url, `insert into platform.migrations (id, checksum) values ('0001-early', 'early')`);
    const later = await write('0003-second', 'create table first.u (n integer)');
    const all = { ...options([...files, later]), retired: ['0001-early', '0002-early'] };
    await expect(migrate(database.url, all)).rejects.toThrow(/development version .*0001-early/);
    const rows = await query<{ id: string }>(database.url, 'select id from platform.migrations order by id');
    expect(rows.map(({ id }) => id)).toEqual(['0001-early', '0001-roles', '0002-first']);
  });

  it('changes nothing with `apply: false`, and names the missing migrations', async () => {
    await expect(migrate(database.url, { ...options(files), apply: false })).rejects.toThrow(/0001-roles, 0002-first/);
    await migrate(database.url, options(files));
    await expect(migrate(database.url, { ...options(files), apply: false })).resolves.toEqual({ applied: [] });
  });

  it('creates a role that an older installation lacks', async () => {
    const prefix = `tenantry_older_${process.pid}`;
    const url = database.url;
    const older = options(files, url, prefix);
    try {
      await migrate(url, older);
      await query(url, `drop owned by ${prefix}_jobs; drop role ${prefix}_jobs; create role ${prefix}_owner`);
      expect(await migrate(url, older)).toEqual({ applied: [] });
      const { jobs } = roleUrls(url, prefix, older.rolePasswords);
      expect(await query(jobs, 'select 1 as it')).toEqual([{ it: 1 }]);
    } finally {
      await dropWithRoles(prefix);
    }
  });

  it('installs the tables of libraries after the migrations, once, with the names of the roles', async () => {
    const installed: string[] = [];
    const supplement: Supplement = {
      name: 'a-library',
      isCurrent: async () => installed.length > 0,
      install: async (owner, roles) => {
        await owner.query(`grant select on first.t to ${roles.jobs}`);
        installed.push(roles.jobs);
      },
    };
    const withLibrary = { ...options(files), supplements: [supplement] };
    await expect(migrate(database.url, { ...withLibrary, apply: false })).rejects.toThrow(/0002-first, a-library/);
    expect((await migrate(database.url, withLibrary)).applied).toEqual(['0001-roles', '0002-first', 'a-library']);
    expect(await migrate(database.url, withLibrary)).toEqual({ applied: [] });
    expect(installed).toEqual([`"${TEST_ROLE_PREFIX}_jobs"`]);
  });

  it('resets a password that another installation or a restore has changed', async () => {
    // A separate prefix: all other specs of the run log in under the roles of the shared prefix.
    const prefix = `tenantry_mended_${process.pid}`;
    const url = database.url;
    const own = options(files, url, prefix);
    try {
      await migrate(url, own);
      await query(url, `alter role ${prefix}_app password 'another'; create role ${prefix}_owner`);
      expect(await migrate(url, own)).toEqual({ applied: [] });
      const { app } = roleUrls(url, prefix, own.rolePasswords);
      expect(await query(app, 'select 1 as it')).toEqual([{ it: 1 }]);
    } finally {
      await dropWithRoles(prefix);
    }
  });

  it('prints SQL for an administrator where the owner may not create roles, and uses the roles that this SQL creates', async () => {
    const prefix = `tenantry_bare_${process.pid}`;
    const name = new URL(database.url).pathname.slice(1);
    await query(database.url, `create role ${prefix}_owner login password 'x'`);
    await query(database.url, `alter database ${name} owner to ${prefix}_owner`);
    const url = urlFor(database.url, `${prefix}_owner`, 'x');
    const bare = { ...options(files, url), rolePrefix: prefix };
    try {
      const message = await migrate(url, bare).catch((error: Error) => error.message);
      expect(message).toContain(`  alter role "${prefix}_owner" createrole;`);
      const sql = /or create the roles for it:\n([\s\S]*)\nand start again/.exec(String(message))?.[1];
      await query(database.url, sql ?? '');
      expect((await migrate(url, bare)).applied).toHaveLength(2);
    } finally {
      await dropWithRoles(prefix);
    }
  });

  it('runs as an owner that is not a superuser, also for the second time', async () => {
    const prefix = `tenantry_plain_${process.pid}`;
    const name = new URL(database.url).pathname.slice(1);
    await query(database.url, `create role ${prefix}_owner login createrole password 'x'`);
    await query(database.url, `alter database ${name} owner to ${prefix}_owner`);
    const url = urlFor(database.url, `${prefix}_owner`, 'x');
    const plain = { ...options(files, url), rolePrefix: prefix };
    try {
      expect((await migrate(url, plain)).applied).toHaveLength(2);
      expect(await migrate(url, plain)).toEqual({ applied: [] });
      const { projector, app } = roleUrls(url, prefix, plain.rolePasswords);
      await query(projector, 'create table read_model.seen as select 1 as n');
      expect(await query(app, 'select n from read_model.seen')).toEqual([{ n: 1 }]);
    } finally {
      await dropWithRoles(prefix);
    }
  });
});
