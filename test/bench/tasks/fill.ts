import { Client } from 'pg';
import { DATA_BYTES, PROSE } from './events';

/** What is in a log that was filled. */
export interface Filling {
  readonly events: number;
  readonly tenants: number;
  /** 1: each event adds a task. 2: half of them move one that was added `block` events before. */
  readonly eventsPerTask: 1 | 2;
  /** More than a page of any reader, so that no batch is spared a row because two of its events share it. */
  readonly block: number;
}

/** Ids that grow with `n`, as UUIDv7 do. Expressions that both stores are filled with. */
const id = (prefix: string, n: string): string => `('${prefix}-0000-7000-8000-' || lpad(to_hex(${n}), 12, '0'))::uuid`;

const added = `'{"projectId":"' || project || '","assigneeId":"' || user_id || '","title":"Task number ' || task || '"'`;
const moved = `'{"state":"done"'`;

/** The JSON text of one event: all are {@link DATA_BYTES} long. */
const data = `rpad(case version when 1 then ${added} else ${moved} end || ',"note":"', ${DATA_BYTES - 2}, '${PROSE}') || '"}'`;

/** A select list's source: one row an event, in the order in which they happened. */
export const eventsOf = ({ events, tenants, eventsPerTask, block }: Filling): string => {
  const span = block * eventsPerTask;
  return `(
    select n, version, task, tenant_id, task_id, user_id, ${data} as data,
      case version when 1 then 'TaskAdded' else 'TaskMoved' end as type, ${id('01950000', 'n')} as command_id
    from (
      select n, version, task, ${id('01960000', 'task')} as task_id,
        ${id('01930000', 'tenant')} as tenant_id, ${id('01940000', 'tenant')} as user_id,
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

/** Past the API, which would take minutes. As an owner whom row-level security does not bind. */
export const fillLog = async (ownerUrl: string, filling: Filling): Promise<void> => {
  const client = new Client({ connectionString: ownerUrl });
  await client.connect();
  try {
    await client.query(`
      insert into event_log.events (position, recorded_at, command_id, aggregate_id, tenant_id, actor_id, version, ordinal,
        schema_version, actor_kind, aggregate, type, data)
      select nextval('event_log.positions'), now(), command_id, task_id, tenant_id, user_id, version, 0, 1, 'u', 'task',
        type, data::json
      from ${eventsOf(filling)}`);
    await client.query('vacuum (analyze) event_log.events');
    await client.query('checkpoint');
  } finally {
    await client.end();
  }
};
