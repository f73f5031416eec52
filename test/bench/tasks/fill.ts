import { Client } from 'pg';
import { DATA_BYTES, PROSE } from './events';

/** The content of a filled log. */
export interface Filling {
  readonly events: number;
  readonly tenants: number;
  /** 1: each event adds a task. 2: every second event moves a task that was added `block` events before. */
  readonly eventsPerTask: 1 | 2;
  /** More than a page of any reader, so that two events of a task are never in one batch, which would save a write. */
  readonly block: number;
}

/** An SQL expression for ids that grow with `n`, as UUIDv7 do. Both stores are filled with the same ids. */
const id = (prefix: string, n: string): string => `('${prefix}-0000-7000-8000-' || lpad(to_hex(${n}), 12, '0'))::uuid`;

const added = `'{"projectId":"' || project || '","assigneeId":"' || user_id || '","title":"Task number ' || task || '"'`;
const moved = `'{"state":"done"'`;

/** An SQL expression for the JSON text of one event, which has {@link DATA_BYTES} bytes. */
const data = `rpad(case version when 1 then ${added} else ${moved} end || ',"note":"', ${DATA_BYTES - 2}, '${PROSE}') || '"}'`;

/** A subquery for the `from` clause, with one row for each event in the order of the log. */
export const eventsOf = ({ events, tenants, eventsPerTask, block }: Filling): string => {
  const span = block * eventsPerTask;
  return `(
    select n, version, task, tenant_id, task_id, user_id, access_id, ${data} as data,
      case version when 1 then 'TaskAdded' else 'TaskMoved' end as type, ${id('01950000', 'n')} as command_id
    from (
      select n, version, task, ${id('01960000', 'task')} as task_id,
        ${id('01930000', 'tenant')} as tenant_id, ${id('01940000', 'tenant')} as user_id,
        ${id('01950000', 'tenant')} as access_id,
        ${id('01970000', 'tenant')} as project
      from (
        select n, version, task, (task * 7919) % ${tenants} as tenant
        from (
          select n, (n % ${span}) / ${block} + 1 as version, n / ${span} * ${block} + n % ${block} as task
          from generate_series(0::bigint, ${events}::bigint - 1) as n
        ) numbered
      ) owned
    ) identified
    order by n
  ) as made`;
};

/**
 * Fills the log with one statement, because appends would take minutes. The owner must be a superuser (row-level
 * security).
 */
export const fillLog = async (ownerUrl: string, filling: Filling): Promise<void> => {
  const client = new Client({ connectionString: ownerUrl });
  await client.connect();
  try {
    await client.query(`
      insert into event_log.events (position, recorded_at, command_id, aggregate_id, tenant_id, actor_id, access_id,
        version, ordinal, schema_version, actor_kind, aggregate, type, data)
      select nextval('event_log.positions'), now(), command_id, task_id, tenant_id, user_id, access_id, version, 0, 1, 'u', 'task',
        type, data::json
      from ${eventsOf(filling)}`);
    await client.query('vacuum (analyze) event_log.events');
    await client.query('checkpoint');
  } finally {
    await client.end();
  }
};
