import { Client } from 'pg';
import { createTestDatabase, type TestDatabase } from '#testing/database';
import { DATABASE_ROLES, deriveRolePasswords, urlFor } from './roles';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

const as = async <R>(url: string, sql: string): Promise<R[]> => {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(sql)).rows as R[];
  } finally {
    await client.end();
  }
};

describe('the roles as which processes log in', () => {
  it.each(DATABASE_ROLES)('%s can log in and has no right that bypasses tenant isolation', async (role) => {
    const [row] = await as(
      database.urls[role],
      `select rolsuper or rolbypassrls or rolcreaterole or rolcreatedb or rolreplication as strong,
              current_setting('search_path') as path
       from pg_roles where rolname = current_user`,
    );
    expect(row).toEqual({ strong: false, path: 'pg_catalog, pg_temp' });
  });

  it.each(DATABASE_ROLES)('%s can create neither schemas, tables in public nor temporary tables', async (role) => {
    for (const sql of [
      'create schema mine',
      'create table public.mine (n int)',
      'create temporary table mine (n int)',
    ]) {
      await expect(as(database.urls[role], sql)).rejects.toThrow(/permission denied/);
    }
  });

  it.each(['app', 'log', 'operator', 'jobs'] as const)('%s owns nothing', async (role) => {
    const owned = await as(
      database.urls[role],
      `select relname from pg_class where relowner = current_user::regrole
       union all select nspname from pg_namespace where nspowner = current_user::regrole
       union all select proname from pg_proc where proowner = current_user::regrole`,
    );
    expect(owned).toEqual([]);
  });

  it('app and operator can read the tables that the projector creates', async () => {
    await as(database.urls.projector, 'create table read_model.made as select 7 as n');
    for (const role of ['app', 'operator'] as const) {
      expect(await as(database.urls[role], 'select n from read_model.made')).toEqual([{ n: 7 }]);
      await expect(as(database.urls[role], 'update read_model.made set n = 8')).rejects.toThrow(/permission denied/);
    }
    await expect(as(database.urls.log, 'select n from read_model.made')).rejects.toThrow(/permission denied/);
  });
});

describe('deriveRolePasswords', () => {
  const key = Buffer.alloc(32, 1);
  const url = 'postgres://owner:secret@db.example/tenantry';

  it("derives from the owner's password, wherever the URL contains it, so that the secret key can be rotated", () => {
    const derived = deriveRolePasswords(url, key, 'tenantry');
    expect(deriveRolePasswords(url, Buffer.alloc(32, 2), 'tenantry')).toEqual(derived);
    expect(deriveRolePasswords('postgres:///t?host=/run&user=owner&password=secret', key, 'tenantry')).toEqual(derived);
    expect(new Set(Object.values(derived)).size).toBe(DATABASE_ROLES.length);
  });

  it('derives from the secret key where the owner has no password', () => {
    const bare = 'postgres://owner@db.example/tenantry';
    expect(deriveRolePasswords(bare, key, 't')).not.toEqual(deriveRolePasswords(bare, Buffer.alloc(32, 2), 't'));
  });
});

describe('urlFor', () => {
  it('keeps host, database and parameters', () => {
    expect(urlFor('postgres://a:b@h:5433/d?sslmode=require', 'app', 'p')).toBe(
      'postgres://app:p@h:5433/d?sslmode=require',
    );
  });

  it('puts the user into the parameters where there is no host', () => {
    expect(new URL(urlFor('postgres:///d?host=/run', 'app', 'p')).searchParams.get('user')).toBe('app');
  });
});
