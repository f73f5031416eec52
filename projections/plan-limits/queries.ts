import type { PlanLimits } from '#domain/limits';
import type { Statement, TenantDb } from '#platform/database/scoped/scoped-db';
import { countOpenInvitations } from '../invitations/queries';

/** The use of a plan. */
export interface UsageRow {
  /** Null if the tenant has the plan with which every tenant begins. */
  readonly plan: string | null;
  /** Null together with `plan`. */
  readonly limits: PlanLimits | null;
  readonly seats: number;
  readonly teams: number;
  readonly openInvitations: number;
  readonly projects: number;
  /** The number of tasks of the project with the most tasks. */
  readonly tasksPerProject: number;
  /** Metered calls in the present month (UTC). */
  readonly apiCalls: number;
}

const USAGE: Statement = {
  name: 'usage',
  text: `with me as (select (select nullif(current_setting('app.tenant_id', true), '')::uuid) as id)
    select t.plan, t.limits,
      coalesce(n.seats, 0) as seats, coalesce(n.teams, 0) as teams, coalesce(n.projects, 0) as projects,
      ${countOpenInvitations('me.id')} as "openInvitations",
      coalesce((select p.tasks from read_model.plan_tasks p where p.tenant_id = me.id
        order by p.tasks desc limit 1), 0) as "tasksPerProject",
      coalesce((select c.calls::float8 from plans.api_calls c where c.tenant_id = me.id
        and c.month = date_trunc('month', now() at time zone 'UTC')::date), 0) as "apiCalls"
    from me left join read_model.plan_terms t on t.tenant_id = me.id
      left join read_model.plan_counts n on n.tenant_id = me.id`,
};

/**
 * The plan of the tenant and its present use, in one round trip. Only open invitations are counted one by one; all
 * other numbers are stored.
 */
export const findUsage = async (db: TenantDb): Promise<UsageRow> => {
  const [row] = await db.query<UsageRow>(USAGE, []);
  if (!row) throw new Error('the usage query returned no row');
  return row;
};

const NEWEST_UNITS: Statement = {
  name: 'units-beyond',
  text: `select unit_id as id from read_model.plan_units
    where tenant_id = (select nullif(current_setting('app.tenant_id', true), '')::uuid)
      and scope_id = (select nullif(current_setting('app.tenant_id', true), '')::uuid)
    order by unit_id offset $1 limit 100`,
};

/**
 * The ids of the projects above a limit, without the `limit` oldest ones. The oldest come first; 100 are returned at
 * most.
 */
export const projectsBeyond = async (db: TenantDb, limit: number): Promise<string[]> =>
  (await db.query<{ id: string }>(NEWEST_UNITS, [limit])).map(({ id }) => id);
