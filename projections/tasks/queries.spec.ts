import type { Pool } from 'pg';
import { createPool } from '#platform/database/connections/pools';
import { roleNames } from '#platform/database/roles/roles';
import { createScopedDb, type Parameter, type Statement, type TenantDb } from '#platform/database/scoped/scoped-db';
import { installProjections } from '#projecting/versions/install';
import { createTestDatabase, type TestDatabase } from '#testing/database';
import { projectsProjection } from '../projects/projection';
import { listProjects } from '../projects/queries';
import { tasksProjection } from './projection';
import { listTasks, type TaskFilter } from './queries';

const id = (prefix: string, n: number | string): string =>
  typeof n === 'number'
    ? `${prefix}-0000-7000-8000-${n.toString(16).padStart(12, '0')}`
    : `('${prefix}-0000-7000-8000-' || lpad(to_hex(${n}), 12, '0'))::uuid`;

const TENANTS = 50;
const PROJECTS = 5_000;
const TASKS = 50_000;

interface Node {
  readonly 'Node Type': string;
  readonly 'Index Name'?: string;
  readonly 'Actual Rows': number;
  readonly Filter?: string;
  readonly Plans?: readonly Node[];
}

/** The plans with which the server executes the lists of projects and tasks. */
describe('the lists of projects and tasks', () => {
  let database: TestDatabase;
  let app: Pool;
  let db: TenantDb;

  beforeAll(async () => {
    database = await createTestDatabase();
    const open = (url: string): Pool => createPool({ url, max: 1, applicationName: 'test' });
    const [projector, owner] = [open(database.urls.projector), open(database.urls.owner)];
    app = open(database.urls.app);
    db = createScopedDb(app).tenant(id('01930000', 7));
    await installProjections(projector, [projectsProjection, tasksProjection], roleNames(database.rolePrefix));
    await owner.query(`
      insert into read_model.projects (tenant_id, project_id, name, description, archived, version)
      select ${id('01930000', `n % ${TENANTS}`)}, ${id('01970000', 'n')}, 'Project', '', n % 3 = 0, 1
      from generate_series(0, ${PROJECTS - 1}) as n`);
    // Every second task is in the one project whose tasks are listed.
    await owner.query(`
      insert into read_model.tasks (tenant_id, task_id, project_id, title, description, status, assignee_id, due_on, version)
      select ${id('01930000', `project % ${TENANTS}`)}, ${id('01960000', 'n')}, ${id('01970000', 'project')}, 'Task', '',
        case n % 4 when 0 then 'done' else 'open' end, ${id('01940000', 'n % 3')}, date '2026-01-01' + n % 30, 1
      from (select n, case when n % 2 = 0 then 7 else n % ${PROJECTS} end as project
        from generate_series(0, ${TASKS - 1}) as n) as numbered`);
    await owner.query('analyze read_model.projects, read_model.tasks');
    await Promise.all([projector.end(), owner.end()]);
  });

  afterAll(async () => {
    await app.end();
    await database.drop();
  });

  /** The nodes of the plan of the only statement of a list, as the server executes it for the tenant. */
  const explain = async (list: (spy: TenantDb) => Promise<unknown>): Promise<Node[]> => {
    const statements: [Statement, readonly Parameter[]][] = [];
    await list({
      ...db,
      query: async (statement, values) => {
        statements.push([statement, values]);
        return [];
      },
    });
    expect(statements).toHaveLength(1);
    const [[{ name, text }, values]] = statements as [[Statement, readonly Parameter[]]];
    const statement = { name: `explained-${name}`, text: `explain (analyze, format json) ${text}` };
    const [row] = await db.query<{ 'QUERY PLAN': [{ Plan: Node }] }>(statement, values);
    const flatten = (node: Node): Node[] => [node, ...(node.Plans ?? []).flatMap(flatten)];
    return row ? flatten(row['QUERY PLAN'][0].Plan) : [];
  };
  /** The indexes that are scanned, each with the conditions that the index could not check. */
  const scans = (nodes: readonly Node[]): (string | undefined)[] =>
    nodes
      .filter((node) => node['Node Type'].includes('Scan'))
      .map((node) => (node.Filter === undefined ? node['Index Name'] : `${node['Index Name']}, then ${node.Filter}`));

  const filters: [string, TaskFilter][] = [
    ['all', {}],
    ['a status', { status: 'done' }],
    ['an assignee', { assigneeId: id('01940000', 1) }],
    ['days', { dueAfter: '2026-01-05' }],
    ['all filters', { status: 'open', assigneeId: id('01940000', 1), dueBefore: '2026-01-20', dueAfter: '2026-01-05' }],
  ];

  it.each(filters)('need one statement and one index for the tasks of a project: %s', async (_, filter) => {
    const nodes = await explain((spy) => listTasks(spy, id('01970000', 7), filter, undefined, 11));
    // The primary key of projects shows whether there is such a project.
    expect(scans(nodes)).toEqual(['projects_pkey', 'tasks_project_idx']);
    // No other row is read, because the index also has the order of the list.
    for (const node of nodes) expect(node['Actual Rows']).toBeLessThanOrEqual(11);
  });

  it.each([
    ['those that are not archived', false, 'projects_archived_idx'],
    ['archived ones', true, 'projects_archived_idx'],
    ['all', undefined, 'projects_pkey'],
  ])('need one statement and one index for projects: %s', async (_, archived, index) => {
    const nodes = await explain((spy) => listProjects(spy, archived, undefined, 3));
    expect(scans(nodes)).toEqual([index]);
    for (const node of nodes) expect(node['Actual Rows']).toBeLessThanOrEqual(3);
  });
});
