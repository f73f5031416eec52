import type { PlanLimits } from '#domain/limits';
import type { Statement, TenantDb } from '#platform/database/scoped/scoped-db';
import { countOpenInvitations } from '../invitations/queries';

/** What of a plan is in use. */
export interface UsageRow {
  /** Null: those with which every tenant begins. */
  readonly plan: string | null;
  readonly limits: PlanLimits | null;
  readonly seats: number;
  readonly teams: number;
  readonly openInvitations: number;
  readonly projects: number;
  /** Of the project that has most. */
  readonly tasksPerProject: number;
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

/** What of the tenant's plan is in use now, in one round trip. Looks at open invitations alone one by one. */
export const findUsage = async (db: TenantDb): Promise<UsageRow> => {
  const [row] = await db.query<UsageRow>(USAGE, []);
  if (!row) throw new Error('the usage query has one row');
  return row;
};

const NEWEST_UNITS: Statement = {
  name: 'units-beyond',
  text: `select unit_id as id from read_model.plan_units
    where tenant_id = (select nullif(current_setting('app.tenant_id', true), '')::uuid)
      and scope_id = (select nullif(current_setting('app.tenant_id', true), '')::uuid)
    order by unit_id offset $1 limit 100`,
};

/** The projects that a limit would leave beyond it, the oldest first; 100 at most. */
export const projectsBeyond = async (db: TenantDb, limit: number): Promise<string[]> =>
  (await db.query<{ id: string }>(NEWEST_UNITS, [limit])).map(({ id }) => id);
