import type { Pool } from 'pg';
import { createTestDatabase, type TestDatabase } from '#testing/database';
import { uuidv7 } from '../../ids/uuid';
import { createPool, inTransaction, isConnectionSuspect } from '../connections/pools';
import { createScopedDb, type Statement } from './scoped-db';

const READ: Statement = {
  name: 'read-things',
  text: 'select thing from read_model.things where thing <> $1 order by thing',
};
const FAIL: Statement = { name: 'fail', text: 'select 1 / $1::integer as never' };
const SLEEP: Statement = { name: 'sleep', text: 'select pg_sleep($1::float8)::text as slept' };

describe.each([false, true])('the scoped database, on a pool with pipeline: %s', (pipeline) => {
  let database: TestDatabase;
  let projector: Pool;
  let app: Pool;
  const [a, b] = [uuidv7(), uuidv7()];

  beforeAll(async () => {
    database = await createTestDatabase();
    projector = createPool({ url: database.urls.projector, max: 2, applicationName: 'test' });
    // With one connection, a setting that one request left behind would apply to the next.
    app = createPool({ url: database.urls.app, max: 1, applicationName: 'test', statementTimeoutMs: 300, pipeline });
    await inTransaction(projector, async (client) => {
      await client.query(`create table read_model.things (tenant_id uuid not null, thing text not null)`);
      await client.query(
        `insert into read_model.things select $1::uuid, 'a' || n from generate_series(1, 3) n
         union all select $2::uuid, 'b' || n from generate_series(1, 2) n`,
        [a, b],
      );
      await client.query(`alter table read_model.things enable row level security;
        alter table read_model.things force row level security;
        create policy tenant_reads on read_model.things for select to tenantry_test_app
          using (tenant_id = (select nullif(current_setting('app.tenant_id', true), '')::uuid))`);
    });
  });

  afterAll(async () => {
    await Promise.all([projector.end(), app.end()]);
    await database.drop();
  });

  const read = (tenantId: string): Promise<{ thing: string }[]> =>
    createScopedDb(app).tenant(tenantId).query(READ, ['']);

  it('shows each tenant its own rows, alternately on one connection', async () => {
    for (let i = 0; i < 3; i++) {
      expect((await read(a)).map(({ thing }) => thing)).toEqual(['a1', 'a2', 'a3']);
      expect((await read(b)).map(({ thing }) => thing)).toEqual(['b1', 'b2']);
    }
  });

  it('leaves no tenant set on the connection', async () => {
    await read(a);
    expect((await app.query('select thing from read_model.things')).rows).toEqual([]);
    const { rows } = await app.query(`select current_setting('app.tenant_id', true) as tenant`);
    expect(rows).toEqual([{ tenant: '' }]);
  });

  it('leaves no tenant set on the connection after a query that failed or timed out', async () => {
    const db = createScopedDb(app).tenant(a);
    await expect(db.query(FAIL, [0])).rejects.toMatchObject({ code: '22012' });
    expect((await app.query('select thing from read_model.things')).rows).toEqual([]);
    await expect(db.query(SLEEP, [5])).rejects.toMatchObject({ code: '57014' });
    expect((await app.query('select thing from read_model.things')).rows).toEqual([]);
    expect((await read(b)).map(({ thing }) => thing)).toEqual(['b1', 'b2']);
  });

  it('reads a table that was replaced by one whose column has another type', async () => {
    const replaced: Statement = { name: 'read-replaced', text: 'select thing from read_model.replaced' };
    const make = (type: string) =>
      projector.query(`drop table if exists read_model.replaced; create table read_model.replaced (thing ${type});
        insert into read_model.replaced values ('1'); grant select on read_model.replaced to tenantry_test_app`);
    await make('text');
    expect(await createScopedDb(app).tenant(a).query(replaced, [])).toEqual([{ thing: '1' }]);
    await make('integer');
    expect(await createScopedDb(app).tenant(a).query(replaced, [])).toEqual([{ thing: 1 }]);
  });

  it('fails all queries of a locked table with errors after which a client may retry', async () => {
    const locked: Statement = { name: 'read-locked', text: 'select thing from read_model.things where thing > $1' };
    const db = createScopedDb(app);
    const errors: unknown[] = [];
    await inTransaction(projector, async (client) => {
      await client.query('lock table read_model.things in access exclusive mode');
      const queries = Array.from({ length: 6 }, () => db.tenant(a).query(locked, ['']));
      for (const answer of await Promise.allSettled(queries))
        if (answer.status === 'rejected') errors.push(answer.reason);
    });
    expect(errors).toHaveLength(6);
    for (const error of errors) expect(isConnectionSuspect(error)).toBe(true);
    expect(await db.tenant(b).query(locked, [''])).toHaveLength(2);
  });

  it('converts values and parameters as pg does', async () => {
    const statement: Statement = {
      name: 'values',
      text: 'select $1::integer as n, $2::text as t, $3::text[] as list, null as nothing',
    };
    const rows = await createScopedDb(app)
      .tenant(a)
      .query(statement, [1, 'ünï "\\', ['x', 'y']]);
    expect(rows).toEqual([{ n: 1, t: 'ünï "\\', list: ['x', 'y'], nothing: null }]);
  });

  it('answers requests of two tenants at the same time', async () => {
    const results = await Promise.all(Array.from({ length: 50 }, (_, at) => read(at % 2 ? a : b)));
    expect(results.map((rows) => rows.length)).toEqual(results.map((_, at) => (at % 2 ? 3 : 2)));
  });

  it('answers a query whose preparation failed before, on a new and on a used connection', async () => {
    const late: Statement = { name: 'late', text: 'select thing from read_model.late' };
    const later: Statement = { name: 'later', text: 'select thing as it from read_model.late' };
    const fresh = createPool({ url: database.urls.app, max: 1, applicationName: 'test', pipeline });
    try {
      const db = createScopedDb(fresh).tenant(a);
      for (const statement of [late, later])
        await expect(db.query(statement, [])).rejects.toMatchObject({ code: '42P01' });
      await projector.query(`create table read_model.late (thing text);
        grant select on read_model.late to tenantry_test_app`);
      for (const statement of [late, later, late]) expect(await db.query(statement, [])).toEqual([]);
    } finally {
      await fresh.end();
    }
  });

  it('sets the ids of the found users for the same round trip, and for no later query', async () => {
    const seen: Statement = { name: 'revealed', text: `select current_setting('app.user_ids', true) as ids` };
    const found: Statement = {
      name: 'found',
      text: 'select thing from read_model.things where thing > $1 order by thing',
    };
    const revealed = (tenantId: string, after: string) =>
      createScopedDb(app).tenant(tenantId).withUserNames(found, [after]).query<{ ids: string }>(seen, []);
    for (let i = 0; i < 2; i++) {
      expect(await revealed(a, 'a1')).toEqual([{ ids: 'a2,a3' }]);
      expect(await revealed(b, 'b')).toEqual([{ ids: 'b1,b2' }]);
      expect(await revealed(uuidv7(), '')).toEqual([{ ids: '' }]);
      expect(await createScopedDb(app).tenant(a).query(seen, [])).toEqual([{ ids: '' }]);
    }
  });

  it('answers a query for which the preparation of a preceding statement failed before', async () => {
    const fresh = createPool({ url: database.urls.app, max: 1, applicationName: 'test', pipeline });
    try {
      const found: Statement = { name: 'found-late', text: 'select thing from read_model.late_found' };
      const db = createScopedDb(fresh).tenant(a).withUserNames(found, []);
      for (const _ of [1, 2]) await expect(db.query(READ, [''])).rejects.toMatchObject({ code: '42P01' });
      await projector.query(`create table read_model.late_found (thing text);
        grant select on read_model.late_found to tenantry_test_app`);
      for (const _ of [1, 2]) expect(await db.query(READ, [''])).toHaveLength(3);
    } finally {
      await fresh.end();
    }
  });
});
