import { setTimeout as sleep } from 'node:timers/promises';
import { Client, type Pool } from 'pg';
import { createPool } from '#platform/database/connections/pools';
import { roleNames } from '#platform/database/roles/roles';
import { createScopedDb, type ScopedDb, type Statement } from '#platform/database/scoped/scoped-db';
import { uuidv7 } from '#platform/ids/uuid';
import { installProjections } from '#projecting/versions/install';
import { projections } from '#projections/index';
import { createTestDatabase, type TestDatabase } from '#testing/database';

const MINE: Statement = { name: 'pool-mine', text: 'select tenant_id as id from read_model.tenants' };
const SLOW: Statement = { name: 'pool-slow', text: 'select tenant_id as id, pg_sleep(5) from read_model.tenants' };
const WRONG: Statement = { name: 'pool-wrong', text: 'select 1 / (version - 1) as id from read_model.tenants' };

/** Two tenants that share connections, some of which are torn, time out or fail in the middle of a query. */
describe('a pool of connections that companies share', () => {
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

  const seenBy = (tenant: string): Promise<{ id: string }[]> => db.tenant(tenant).query<{ id: string }>(MINE, []);
  const tear = (): Promise<unknown> =>
    owner.query(`select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'attacked'`);

  it('shows each its own, whatever became of the query before on the same connection', async () => {
    const accidents = [
      (id: string) => db.tenant(id).query(SLOW, []),
      (id: string) => db.tenant(id).query(WRONG, []),
      async (id: string) => {
        const torn = db.tenant(id).query(SLOW, []);
        torn.catch(() => undefined);
        await sleep(5);
        await tear();
        await torn;
      },
    ];
    let failed = 0;
    let answered = 0;
    for (let round = 0; round < 60; round++) {
      const [one, other] = round % 2 === 0 ? tenants : [tenants[1], tenants[0]];
      const accident = accidents[round % accidents.length] as (id: string) => Promise<unknown>;
      await Promise.all([
        accident(one).catch(() => {
          failed += 1;
        }),
        // Torn connections fail these, too; none may show the other tenant.
        ...[other, one, other].map(async (id) => {
          const rows = await seenBy(id).catch(() => undefined);
          if (rows) answered += 1;
          if (rows) expect(rows).toEqual([{ id }]);
        }),
      ]);
      expect(await seenBy(other).catch(() => [{ id: other }])).toEqual([{ id: other }]);
      // Nobody's connection is left with somebody's tenant.
      const bare = await pool.query(MINE.text).catch(() => ({ rows: [] }));
      expect(bare.rows).toEqual([]);
    }
    expect(failed).toBe(60);
    expect(answered).toBeGreaterThan(60);
  });

  it('cannot be talked out of row security by the role that it connects as', async () => {
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
      expect((await app.query(MINE.text)).rows).toEqual([]);
    } finally {
      await app.end();
    }
  });
});
