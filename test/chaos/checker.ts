import type { Pool } from 'pg';
import type { Outcome, Span, Tenant } from './client';

interface EventRow {
  readonly version: number;
  readonly type: string;
  readonly name: string | null;
}

/** The events of the tenant aggregate in the order of their versions. */
const historyOf = async (pool: Pool, tenantId: string): Promise<EventRow[]> => {
  const { rows } = await pool.query<EventRow>(
    `select version, type, data ->> 'name' as name from event_log.events
     where aggregate_id = $1 and aggregate = 'tenant' order by version`,
    [tenantId],
  );
  return rows;
};

/** The time during which a server acknowledged writes that were not copied; `performance.now()` in ms. */
export interface LossWindow {
  readonly from: number;
  readonly to: number;
}

export interface Verdict {
  /**
   * One sentence for each contradiction between the answers to clients and the log, or between the log and the read
   * models.
   */
  readonly complaints: string[];
  /** One sentence for each write that was acknowledged in a loss window and is not in the log. */
  readonly lost: string[];
}

type Report = (complaint: string) => void;

/** The tenant that is checked, and the functions that report what was found. */
interface Case {
  readonly pool: Pool;
  readonly tenant: Tenant;
  readonly complain: Report;
  /** Reports that an acknowledged write is missing. It is a complaint, unless a loss window explains it. */
  readonly missing: (acknowledged: Span, complaint: string) => void;
}

/** True if the commit, which happened at some moment of the span, may have been in one of the windows. */
const mayBeWithin = ({ sentAt, answeredAt }: Span, windows: readonly LossWindow[]): boolean =>
  windows.some(({ from, to }) => sentAt <= to && answeredAt >= from);

/** Checks that the events of the tenant are in the order in which its client requested them. */
const checkOrder = ({ tenant, complain }: Case, events: readonly EventRow[]): void => {
  events.forEach(({ version }, at) => {
    if (version !== at + 1) complain(`has a hole before version ${version}`);
  });
  const order = tenant.renames.map(({ name }) => name);
  let last = -1;
  for (const { name, version } of events.slice(1)) {
    const at = order.indexOf(name ?? '');
    if (at === -1) complain(`has an event that no client requested: ${name}`);
    else if (at === last) complain(`has "${name}" twice`);
    else if (at < last) complain(`has "${name}" out of order at ${version}`);
    last = Math.max(last, at);
  }
};

/**
 * Compares the outcome of one request with the number of its events in the log.
 * @param isRefusalExplained true if an earlier loss explains a refusal
 * @returns false if an acknowledged write is missing
 */
const checkRequest = (
  { complain, missing }: Pick<Case, 'complain' | 'missing'>,
  { name, outcome }: { readonly name: string; readonly outcome: Outcome },
  found: number,
  isRefusalExplained: boolean,
): boolean => {
  if (found > 1) complain(`doubled "${name}"`);
  if (outcome.kind === 'refused' && found > 0) complain(`was refused "${name}" and has it`);
  if (outcome.kind === 'refused' && !isRefusalExplained)
    complain(`was refused "${name}" with ${outcome.status}, for no reason`);
  if (outcome.kind !== 'ok' || found > 0) return true;
  missing(outcome.span, `lost "${name}", which was acknowledged`);
  return false;
};

/**
 * Checks that each project and task is in the log at most once, and in its read model if and only if it is in the log.
 */
const checkCreations = async (testCase: Case): Promise<void> => {
  const { pool, tenant, complain } = testCase;
  const { rows } = await pool.query<{ name: string; events: number; shown: number }>(
    `select e.name, count(*)::integer as events, count(coalesce(p.project_id, t.task_id))::integer as shown
     from (select aggregate_id, coalesce(data ->> 'name', data ->> 'title') as name from event_log.events
       where tenant_id = $1 and type in ('ProjectCreated', 'TaskCreated')) e
     left join read_model.projects p on p.tenant_id = $1 and p.project_id = e.aggregate_id and p.name = e.name
     left join read_model.tasks t on t.tenant_id = $1 and t.task_id = e.aggregate_id and t.title = e.name
     group by e.name`,
    [tenant.tenantId],
  );
  const found = new Map(rows.map((row) => [row.name, row]));
  let isProjectLost = false;
  for (const creation of tenant.creations) {
    const row = found.get(creation.name);
    found.delete(creation.name);
    const isThere = checkRequest(testCase, creation, row?.events ?? 0, isProjectLost && creation.kind === 'task');
    isProjectLost ||= !isThere && creation.kind === 'project';
    if (row && row.shown !== row.events) complain(`has "${creation.name}" in the log and not in the read model`);
  }
  for (const name of found.keys()) complain(`has an event that no client requested: ${name}`);
};

const checkTenant = async (testCase: Case): Promise<void> => {
  const { pool, tenant, complain, missing } = testCase;
  const { tenantId, renames, span } = tenant;
  if (!tenantId) return;
  const events = await historyOf(pool, tenantId);
  if (events[0]?.type !== 'TenantCreated') return missing(span, 'was signed up and is not in the log');
  checkOrder(testCase, events);
  for (const rename of renames)
    checkRequest(testCase, rename, events.filter((event) => event.name === rename.name).length, false);
  const { rows } = await pool.query<{ name: string; version: number }>(
    'select name, version from read_model.tenants where tenant_id = $1',
    [tenantId],
  );
  const end = events.at(-1);
  const [row] = rows;
  if (rows.length !== 1 || row?.name !== end?.name || row?.version !== end?.version)
    complain(
      `is at "${end?.name}" (${end?.version}) in the log and at "${row?.name}" (${row?.version}) in the read model`,
    );
  await checkCreations(testCase);
};

/** Checks that each sign-up is complete or absent, whether it was acknowledged or not. */
const checkSignUps = async (
  pool: Pool,
  tenants: readonly Tenant[],
  complain: Report,
  windows: readonly LossWindow[],
): Promise<void> => {
  const { rows } = await pool.query<{
    email: string;
    active: boolean;
    user: boolean;
    tenant: boolean;
    member: boolean;
  }>(
    `select p.email, p.state = 'active' as active,
       exists (select from event_log.events e where e.aggregate_id = p.id and e.type = 'UserRegistered') as user,
       exists (select from event_log.events e where e.type = 'TenantCreated' and e.data ->> 'ownerId' = p.id::text) as tenant,
       exists (select from read_model.members m where m.user_id = p.id) as member
     from identity.users p`,
  );
  const users = new Map(rows.map((row) => [row.email, row]));
  for (const { email, signUp, span } of tenants) {
    const row = users.get(email);
    if (!row && signUp === 'ok' && !mayBeWithin(span, windows)) complain(`${email} was signed up and is missing`);
    if (row && !(row.active && row.user && row.tenant && row.member))
      complain(`the sign-up of ${email} is incomplete: ${JSON.stringify(row)}`);
  }
  const { rows: orphans } = await pool.query(
    `select aggregate_id from event_log.events e where e.type = 'TenantCreated'
       and not exists (select from identity.users p where p.id::text = e.data ->> 'ownerId')`,
  );
  if (orphans.length > 0) complain(`${orphans.length} tenants have no owner`);
};

/**
 * Compares the answers to clients with the log and the read models, after all faults have ended. There is no complaint
 * if the log explains every answer.
 * @param pool connects as a superuser
 * @param windows the loss windows; acknowledged writes in them may be missing and are then listed as lost
 */
export const checkHistory = async (
  pool: Pool,
  tenants: readonly Tenant[],
  windows: readonly LossWindow[] = [],
): Promise<Verdict> => {
  const complaints: string[] = [];
  const lost: string[] = [];
  for (const tenant of tenants) {
    const complain: Report = (complaint) => complaints.push(`${tenant.tenantId} ${complaint}`);
    const missing: Case['missing'] = (span, complaint) =>
      mayBeWithin(span, windows) ? lost.push(`${tenant.tenantId} ${complaint}`) : complain(complaint);
    await checkTenant({ pool, tenant, complain, missing });
  }
  await checkSignUps(pool, tenants, (complaint) => complaints.push(complaint), windows);
  const { rows } = await pool.query<{ doubled: string }>(
    `select count(*) as doubled from (
       select 1 from event_log.events group by aggregate_id, aggregate, version having count(*) > 1) d`,
  );
  if (rows[0]?.doubled !== '0') complaints.push('a stream has two events of one version');
  return { complaints, lost };
};
