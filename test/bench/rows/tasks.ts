import { Client, type Pool } from 'pg';
import { createPool } from '#platform/database/connections/pools';
import { roleNames } from '#platform/database/roles/roles';
import { createScopedDb } from '#platform/database/scoped/scoped-db';
import { installProjections } from '#projecting/versions/install';
import { projectsProjection } from '#projections/projects/projection';
import { tasksProjection } from '#projections/tasks/projection';
import { listTasks } from '#projections/tasks/queries';
import { createTestDatabase, type TestDatabase } from '#testing/database';
import type { Bench, Group, Measured } from '../group';
import { closedLoop, inRounds, type Load } from '../load';
import { openProjectorPool } from '../product';
import { median, percentile, ratios, shown } from '../statistics';
import { PROSE, tenantId } from '../tasks/events';

/** Projects of each tenant, and tasks of each project. */
const PROJECTS = 10;
const TASKS = 10;
/** The number of rows that a list reads by default: a page and one more. */
const TAKE = 51;
/** Tenants of the small system. */
const FEW = 10;
/** Few enough to measure the query, and not the wait for a free connection or processor. */
const IN_FLIGHT = 2;

const projectId = (at: number): string => `01970000-0000-7000-8000-${at.toString(16).padStart(12, '0')}`;

const id = (prefix: string, n: string): string => `('${prefix}-0000-7000-8000-' || lpad(to_hex(${n}), 12, '0'))::uuid`;

/**
 * Inserts tasks in the order in which tenants that work at the same time create them: those of a project are far apart.
 */
const fill = async (ownerUrl: string, tenants: number): Promise<void> => {
  const client = new Client({ connectionString: ownerUrl });
  await client.connect();
  const projects = tenants * PROJECTS;
  try {
    await client.query(`
      insert into read_model.projects (tenant_id, project_id, name, description, archived, version)
      select ${id('01930000', `n % ${tenants}`)}, ${id('01970000', 'n')}, 'Project ' || n, '${PROSE}', false, 1
      from generate_series(0, ${projects - 1}) as n`);
    await client.query(`
      insert into read_model.tasks (tenant_id, task_id, project_id, title, description, status, assignee_id, due_on, version)
      select ${id('01930000', `n % ${projects} % ${tenants}`)}, ${id('01960000', 'n')}, ${id('01970000', `n % ${projects}`)},
        'Task number ' || n, '${PROSE}', 'open', ${id('01940000', `n % ${tenants}`)}, date '2026-01-01' + n % 365, 1
      from generate_series(0, ${projects * TASKS - 1}) as n`);
    await client.query('vacuum (analyze) read_model.projects');
    await client.query('vacuum (analyze) read_model.tasks');
    await client.query('checkpoint');
  } finally {
    await client.end();
  }
};

const createFilled = async (tenants: number): Promise<TestDatabase> => {
  const database = await createTestDatabase();
  const projector = openProjectorPool(database.urls);
  await installProjections(projector, [projectsProjection, tasksProjection], roleNames(database.rolePrefix));
  await projector.end();
  await fill(database.urls.owner, tenants);
  return database;
};

/** Lists of the tasks of a random project, with the query of the API. */
const lists = (pool: Pool, tenants: number) => {
  const db = createScopedDb(pool);
  return async (): Promise<void> => {
    const project = Math.floor(Math.random() * tenants * PROJECTS);
    const rows = await listTasks(db.tenant(tenantId(project % tenants)), projectId(project), {}, undefined, TAKE);
    if (rows?.length !== TASKS) throw new Error('a project does not have its tasks');
  };
};

const p99s = (loads: readonly Load[]): number[] => loads.map(({ latencies }) => percentile(latencies, 0.99));

/**
 * The list of a project's tasks in a system of many tenants, compared with a system of ten tenants of the same size.
 */
export const tasksListed: Group = {
  ids: ['query.tasks'],
  measure: async ({ pace, say }: Bench): Promise<Measured[]> => {
    const many = pace.short ? pace.tenants / 10 : pace.tenants;
    const total = (many * PROJECTS * TASKS).toLocaleString('en-US');
    say(`filling the read models with ${total} tasks …`);
    const [big, small] = await Promise.all([createFilled(many), createFilled(FEW)]);
    const open = ({ urls }: TestDatabase): Pool =>
      createPool({ url: urls.app, max: IN_FLIGHT, applicationName: 'tenantry-bench-app' });
    const pools = { big: open(big), small: open(small) };
    const { grown, few } = await inRounds(pace.rounds, {
      grown: () => closedLoop(lists(pools.big, many), IN_FLIGHT, pace),
      few: () => closedLoop(lists(pools.small, FEW), IN_FLIGHT, pace),
    });
    await Promise.all([pools.big.end(), pools.small.end()]);
    await Promise.all([big.drop(), small.drop()]);
    const detail = `p99 ${shown(median(p99s(grown)))} ms among ${total} tasks to ${shown(median(p99s(few)))} ms of ${FEW} tenants`;
    return [{ id: 'query.tasks', samples: ratios(p99s(grown), p99s(few)), detail }];
  },
};
