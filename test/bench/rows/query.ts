import type { Pool } from 'pg';
import { Client } from 'pg';
import { createPool, withClient } from '#platform/database/connections/pools';
import { createScopedDb, type Statement } from '#platform/database/scoped/scoped-db';
import type { TestDatabase } from '#testing/database';
import type { Bench, Group, Measured } from '../group';
import { closedLoop, inRounds, type Load } from '../load';
import { createProductDatabase, openLog, openProjectorPool } from '../product';
import { median, ratios, shown } from '../statistics';
import { tenantId } from '../tasks/events';
import { fillLog } from '../tasks/fill';
import { rebuildTasks } from '../tasks/rebuild';

/** The query of a list endpoint: the newest tasks of a tenant. */
const newest = (schema: string): Statement => ({
  name: `newest-${schema}`,
  text: `select task_id as id, title, state, assignee_id as "assigneeId", added_at as "addedAt", version
    from ${schema}.tasks where tenant_id = $1 order by task_id desc limit 20`,
});

const IN_FLIGHT = 16;

const openAppPool = ({ urls }: TestDatabase): Pool =>
  createPool({ url: urls.app, max: 10, applicationName: 'tenantry-bench-app' });

const createProjected = async (events: number, tenants: number): Promise<TestDatabase> => {
  const database = await createProductDatabase();
  await fillLog(database.urls.owner, { events, tenants, eventsPerTask: 1, block: 20_000 });
  const log = openLog(database);
  const pool = openProjectorPool(database.urls);
  await rebuildTasks(log, pool, database.rolePrefix);
  await Promise.all([log.close(), pool.end()]);
  return database;
};

const anyTenant = (tenants: number): string => tenantId(Math.floor(Math.random() * tenants));

/** Queries through the tenant-scoped database of the product. */
const scopedQueries = (pool: Pool, tenants: number) => {
  const db = createScopedDb(pool);
  const statement = newest('read_model');
  return async (): Promise<void> => {
    const tenant = anyTenant(tenants);
    const rows = await db.tenant(tenant).query(statement, [tenant]);
    if (rows.length === 0) throw new Error('a tenant has no tasks');
  };
};

const rates = (loads: readonly Load[]): number[] => loads.map(({ perSecond }) => perSecond);

/** Creates the same table without row-level security, for the same query without a scope. */
const createPlainTable = async (database: TestDatabase): Promise<void> => {
  const owner = new Client({ connectionString: database.urls.owner });
  await owner.connect();
  await owner.query(`
    create schema bench_plain;
    create table bench_plain.tasks (like read_model.tasks including all);
    insert into bench_plain.tasks select * from read_model.tasks;
    grant usage on schema bench_plain to ${database.rolePrefix}_app;
    grant select on bench_plain.tasks to ${database.rolePrefix}_app`);
  await owner.query('vacuum (analyze) bench_plain.tasks');
  await owner.query('vacuum (analyze) read_model.tasks');
  await owner.end();
};

export const queryUnderSecurity: Group = {
  ids: ['query.rls'],
  measure: async ({ pace }: Bench): Promise<Measured[]> => {
    const tenants = 200;
    const database = await createProjected(100_000, tenants);
    await createPlainTable(database);
    const pool = openAppPool(database);
    const { name, text } = newest('bench_plain');
    const plainQuery = (): Promise<unknown> =>
      withClient(pool, (client) => client.query({ name, text, values: [anyTenant(tenants)] }));
    const { scoped, plain } = await inRounds(pace.rounds, {
      scoped: () => closedLoop(scopedQueries(pool, tenants), IN_FLIGHT, pace),
      plain: () => closedLoop(plainQuery, IN_FLIGHT, pace),
    });
    await pool.end();
    await database.drop();
    const detail = `${shown(median(rates(scoped)))} queries/s to ${shown(median(rates(plain)))} without`;
    return [{ id: 'query.rls', samples: ratios(rates(scoped), rates(plain)), detail }];
  },
};

/** A query in the big system, compared with a system of ten tenants that are as large as those of the big one. */
export const queryGrown: Group = {
  ids: ['growth.query'],
  measure: async ({ pace, bigSystem }: Bench): Promise<Measured[]> => {
    const { database: big } = await bigSystem();
    const few = 10;
    const small = await createProjected((pace.events / pace.tenants) * few, few);
    const pools = { big: openAppPool(big), small: openAppPool(small) };
    const { grown, empty } = await inRounds(pace.rounds, {
      grown: () => closedLoop(scopedQueries(pools.big, pace.tenants), IN_FLIGHT, pace),
      empty: () => closedLoop(scopedQueries(pools.small, few), IN_FLIGHT, pace),
    });
    await Promise.all([pools.big.end(), pools.small.end()]);
    await small.drop();
    const detail = `${shown(median(rates(grown)))} queries/s to ${shown(median(rates(empty)))} of a small system`;
    return [{ id: 'growth.query', samples: ratios(rates(grown), rates(empty)), detail }];
  },
};
