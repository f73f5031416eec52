import { setTimeout as sleep } from 'node:timers/promises';
import { Client, type Pool } from 'pg';
import { createPool } from '#platform/database/connections/pools';
import { roleNames } from '#platform/database/roles/roles';
import { createScopedDb, type ScopedDb, type Statement } from '#platform/database/scoped/scoped-db';
import { uuidv7 } from '#platform/ids/uuid';
import { installProjections } from '#projecting/versions/install';
import { projections } from '#projections/index';
import { createTestDatabase, type TestDatabase } from '#testing/database';

const VISIBLE: Statement = { name: 'pool-visible', text: 'select tenant_id as id from read_model.tenants' };
const SLOW: Statement = { name: 'pool-slow', text: 'select tenant_id as id, pg_sleep(5) from read_model.tenants' };
const FAILING: Statement = { name: 'pool-failing', text: 'select 1 / (version - 1) as id from read_model.tenants' };

/** Two tenants share connections. Some queries are cut off, time out or fail. */
describe('a pool of connections that tenants share', () => {
  let database: TestDatabase;
  let pool: Pool;
  let db: ScopedDb;
  let owner: Client;
  const tenants = [uuidv7(), uuidv7()] as const;

  beforeAll(async () => {
    database = await createTestDatabase();
    const projector = createPool({ url: database.urls.projector, max: 1, applicationName: 'test' });
    await installProjections(projector, projections, roleNames(database.rolePrefix));
    for (const id of tenants)
      await projector.query(
        `insert into read_model.tenants (tenant_id, name, slug, plan, lock, version) values ($1, 'Acme', 'acme', 'free', 'none', 1)`,
        [id],
      );
    await projector.end();
    pool = createPool({
      ...{ url: database.urls.app, max: 4, applicationName: 'attacked', statementTimeoutMs: 50, pipeline: true },
      onError: () => undefined,
    });
    db = createScopedDb(pool);
    owner = new Client({ connectionString: database.urls.owner });
    await owner.connect();
  });
  afterAll(async () => {
    await Promise.all([pool.end(), owner.end()]);
    await database.drop();
  });

  const visibleTo = (tenant: string): Promise<{ id: string }[]> => db.tenant(tenant).query<{ id: string }>(VISIBLE, []);
  const terminateConnections = (): Promise<unknown> =>
    owner.query(`select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'attacked'`);

  it('shows each tenant only its own rows, whatever happened to the previous query on the same connection', async () => {
    const failures = [
      (id: string) => db.tenant(id).query(SLOW, []),
      (id: string) => db.tenant(id).query(FAILING, []),
      async (id: string) => {
        const cutOff = db.tenant(id).query(SLOW, []);
        cutOff.catch(() => undefined);
        await sleep(5);
        await terminateConnections();
        await cutOff;
      },
    ];
    let failed = 0;
    let answered = 0;
    for (let round = 0; round < 60; round++) {
      const [one, other] = round % 2 === 0 ? tenants : [tenants[1], tenants[0]];
      const fail = failures[round % failures.length] as (id: string) => Promise<unknown>;
      await Promise.all([
        fail(one).catch(() => {
          failed += 1;
        }),
        // A terminated connection fails these, too. None of them may show the other tenant.
        ...[other, one, other].map(async (id) => {
          const rows = await visibleTo(id).catch(() => undefined);
          if (rows) answered += 1;
          if (rows) expect(rows).toEqual([{ id }]);
        }),
      ]);
      expect(await visibleTo(other).catch(() => [{ id: other }])).toEqual([{ id: other }]);
      // No connection in the pool keeps the tenant of an earlier query.
      const unscoped = await pool.query(VISIBLE.text).catch(() => ({ rows: [] }));
      expect(unscoped.rows).toEqual([]);
    }
    expect(failed).toBe(60);
    expect(answered).toBeGreaterThan(60);
  });

  it('connects as a role that cannot switch off row security', async () => {
    const app = new Client({ connectionString: database.urls.app });
    await app.connect();
    try {
      await expect(app.query('set row_security = off; select 1 from read_model.tenants')).rejects.toThrow(
        /row-level security/,
      );
      await app.query('set row_security = on');
      for (const sql of [
        'alter table read_model.tenants disable row level security',
        'alter table read_model.tenants no force row level security',
        'drop policy tenant_reads on read_model.tenants',
        'create policy mine on read_model.tenants using (true)',
        `alter role current_user bypassrls`,
        `set role ${roleNames(database.rolePrefix).projector}`,
        `set session authorization ${roleNames(database.rolePrefix).operator}`,
      ])
        await expect(app.query(sql)).rejects.toThrow(/must be|permission|owner|denied/);
      expect((await app.query(VISIBLE.text)).rows).toEqual([]);
    } finally {
      await app.end();
    }
  });
});
