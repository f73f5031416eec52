import type { Pool } from 'pg';
import type { Company } from './client';

interface EventRow {
  readonly version: number;
  readonly type: string;
  readonly name: string | null;
}

const historyOf = async (pool: Pool, tenantId: string): Promise<EventRow[]> => {
  const { rows } = await pool.query<EventRow>(
    `select version, type, data ->> 'name' as name from event_log.events
     where aggregate_id = $1 and aggregate = 'tenant' order by version`,
    [tenantId],
  );
  return rows;
};

const checkCompany = async (pool: Pool, company: Company, complain: (what: string) => void): Promise<void> => {
  const { tenantId, renames } = company;
  if (!tenantId) return;
  const events = await historyOf(pool, tenantId);
  if (events[0]?.type !== 'TenantCreated') return complain('was signed up and is not in the log');
  events.forEach(({ version }, at) => {
    if (version !== at + 1) complain(`has a hole before version ${version}`);
  });
  const order = renames.map(({ name }) => name);
  let last = -1;
  for (const { name, version } of events.slice(1)) {
    const at = order.indexOf(name ?? '');
    if (at === -1) complain(`has an event that nobody asked for: ${name}`);
    else if (at === last) complain(`has "${name}" twice`);
    else if (at < last) complain(`has "${name}" out of order at ${version}`);
    last = Math.max(last, at);
  }
  for (const { name, outcome } of renames) {
    const found = events.filter((event) => event.name === name);
    if (found.length > 1) complain(`doubled "${name}"`);
    if (outcome.kind === 'refused' && found.length > 0) complain(`was refused "${name}" and has it`);
    if (outcome.kind === 'refused') complain(`was refused "${name}" with ${outcome.status}, for no reason`);
    if (outcome.kind === 'ok' && found.length === 0) complain(`lost "${name}", which was acknowledged`);
  }
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
};

/** A sign-up is wholly there or not there at all, acknowledged or not. */
const checkSignUps = async (
  pool: Pool,
  companies: readonly Company[],
  complain: (what: string) => void,
): Promise<void> => {
  const { rows } = await pool.query<{
    email: string;
    active: boolean;
    person: boolean;
    company: boolean;
    member: boolean;
  }>(
    `select p.email, p.state = 'active' as active,
       exists (select from event_log.events e where e.aggregate_id = p.id and e.type = 'PersonRegistered') as person,
       exists (select from event_log.events e where e.type = 'TenantCreated' and e.data ->> 'ownerId' = p.id::text) as company,
       exists (select from read_model.members m where m.person_id = p.id) as member
     from identity.persons p`,
  );
  const people = new Map(rows.map((row) => [row.email, row]));
  for (const { email, signUp } of companies) {
    const row = people.get(email);
    if (!row && signUp === 'ok') complain(`${email} was signed up and is gone`);
    if (row && !(row.active && row.person && row.company && row.member))
      complain(`${email} is half signed up: ${JSON.stringify(row)}`);
  }
  const { rows: orphans } = await pool.query(
    `select aggregate_id from event_log.events e where e.type = 'TenantCreated'
       and not exists (select from identity.persons p where p.id::text = e.data ->> 'ownerId')`,
  );
  if (orphans.length > 0) complain(`${orphans.length} companies have no owner`);
};

/**
 * Holds what clients were told against the log and the read models, after everything has healed. Empty where the log
 * explains every record.
 * @param pool connects as a superuser
 */
export const checkHistory = async (pool: Pool, companies: readonly Company[]): Promise<string[]> => {
  const complaints: string[] = [];
  for (const company of companies)
    await checkCompany(pool, company, (what) => complaints.push(`${company.tenantId} ${what}`));
  await checkSignUps(pool, companies, (what) => complaints.push(what));
  const { rows } = await pool.query<{ doubled: string }>(
    `select count(*) as doubled from (
       select 1 from event_log.events group by aggregate_id, aggregate, version having count(*) > 1) d`,
  );
  if (rows[0]?.doubled !== '0') complaints.push('a version of a stream is there twice');
  return complaints;
};
