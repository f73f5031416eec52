import type { Pool } from 'pg';
import type { Position } from '#event-log/port';
import { withClient } from '#platform/database/connections/pools';
import type { Parameter, Statement, TenantDb } from '#platform/database/scoped/scoped-db';
import { ABOVE_EVERY_ID, projectById } from '../projects/queries';

export interface TaskRow {
  readonly id: string;
  readonly projectId: string;
  readonly title: string;
  readonly description: string;
  readonly status: string;
  readonly assigneeId: string | null;
  /** `YYYY-MM-DD` */
  readonly dueOn: string | null;
  readonly version: number;
}

export interface TaskFilter {
  readonly status?: string | undefined;
  readonly assigneeId?: string | undefined;
  /** `YYYY-MM-DD`, exclusive. A task without a due date never matches. */
  readonly dueBefore?: string | undefined;
  /** `YYYY-MM-DD`, exclusive. A task without a due date never matches. */
  readonly dueAfter?: string | undefined;
}

const COLUMNS = `task_id as id, project_id as "projectId", title, description, status, assignee_id as "assigneeId",
  to_char(due_on, 'YYYY-MM-DD') as "dueOn", version`;

const TASK: Statement = { name: 'task', text: `select ${COLUMNS} from read_model.tasks where task_id = $1` };

/** The SQL that one field of a filter adds to the statement, and its parameters. */
interface Condition {
  readonly name: string;
  readonly applies: (filter: TaskFilter) => boolean;
  readonly sql: (parameter: () => string) => string;
  readonly values: (filter: TaskFilter) => readonly Parameter[];
}

const CONDITIONS: readonly Condition[] = [
  {
    name: 'status',
    applies: ({ status }) => status !== undefined,
    sql: (next) => `and t.status = ${next()}`,
    values: ({ status = null }) => [status],
  },
  {
    name: 'assignee',
    applies: ({ assigneeId }) => assigneeId !== undefined,
    sql: (next) => `and t.assignee_id = ${next()}`,
    values: ({ assigneeId = null }) => [assigneeId],
  },
  {
    name: 'due',
    applies: ({ dueBefore, dueAfter }) => dueBefore !== undefined || dueAfter !== undefined,
    sql: (next) => `and t.due_on < ${next()}::date and t.due_on > ${next()}::date`,
    values: ({ dueBefore = 'infinity', dueAfter = '-infinity' }) => [dueBefore, dueAfter],
  },
];

/**
 * Builds the statement for a set of filters. A left join with the project returns one row of nulls for a project
 * without a task, and no row if there is no such project. Each set of filters has its own statement, because the plan
 * of a statement for all sets would be slow for each of them.
 */
const listOf = (conditions: readonly Condition[]): Statement => {
  let last = 3;
  const next = (): string => `$${++last}`;
  return {
    name: ['tasks', ...conditions.map(({ name }) => name)].join('-'),
    text: `select t.* from ${projectById('$1')} p left join lateral (
        select ${COLUMNS} from read_model.tasks t
        where t.tenant_id = p.tenant_id and t.project_id = p.project_id and t.task_id < $2
          ${conditions.map(({ sql }) => sql(next)).join(' ')}
        order by t.task_id desc limit $3
      ) t on true order by t.id desc`,
  };
};

const lists = new Map<string, Statement>();

const listWith = (conditions: readonly Condition[]): Statement => {
  const key = conditions.map(({ name }) => name).join();
  const statement = lists.get(key) ?? listOf(conditions);
  lists.set(key, statement);
  return statement;
};

/** One task of the tenant; undefined if there is none. */
export const findTask = async (db: TenantDb, taskId: string): Promise<TaskRow | undefined> => {
  const [row] = await db.query<TaskRow>(TASK, [taskId]);
  return row;
};

/**
 * The tasks of one project of the tenant, the newest first; undefined if there is no such project.
 * @param before returns only tasks that are older than the one with this id
 * @param limit the most rows that are returned
 */
export const listTasks = async (
  db: TenantDb,
  projectId: string,
  filter: TaskFilter,
  before: string | undefined,
  limit: number,
): Promise<TaskRow[] | undefined> => {
  const conditions = CONDITIONS.filter(({ applies }) => applies(filter));
  const values: readonly Parameter[] = conditions.flatMap(({ values }) => values(filter));
  const parameters = [projectId, before ?? ABOVE_EVERY_ID, limit, ...values];
  const rows = await db.query<TaskRow | { readonly id: null }>(listWith(conditions), parameters);
  if (rows.length === 0) return undefined;
  return rows.filter((row): row is TaskRow => row.id !== null);
};

/** A task that is assigned to a user. */
export interface AssignedTask {
  readonly taskId: string;
  /** The version of the task's stream at which it was assigned. */
  readonly assignedAt: number;
}

/**
 * The tasks that were assigned to a user before a position of the log and still are, for work outside of a tenant's
 * requests.
 * @param pool connects as the projector
 */
export const tasksAssignedBefore = (
  pool: Pool,
  tenantId: string,
  userId: string,
  position: Position,
): Promise<AssignedTask[]> =>
  withClient(pool, async (client) => {
    const { rows } = await client.query<AssignedTask>({
      name: 'tasks-assigned-before',
      text: `select task_id as "taskId", assigned_version as "assignedAt" from read_model.tasks
        where tenant_id = $1 and assignee_id = $2 and assigned_position < $3`,
      values: [tenantId, userId, position.toString()],
    });
    return rows;
  });
