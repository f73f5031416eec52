import type { Pool } from 'pg';
import { withClient } from '#platform/database/connections/pools';
import type { Snapshots } from '../aggregate/snapshots';

const SAVE = `insert into event_log.snapshots as s (tenant_id, aggregate_id, aggregate, fold_version, version, state,
    command_id)
  values ($1, $2, $3, $4, $5, $6, $7)
  on conflict (aggregate_id, aggregate) do update
    set fold_version = excluded.fold_version, version = excluded.version, state = excluded.state,
      command_id = excluded.command_id
    where s.fold_version <> excluded.fold_version or s.version < excluded.version
      or s.command_id is distinct from excluded.command_id`;

/** Snapshots in the table `event_log.snapshots`. An error while loading or saving is ignored. */
export const createPostgresSnapshots = (pool: Pool): Snapshots => ({
  load: async <State>(stream: { aggregate: string; id: string }, foldVersion: number) => {
    try {
      const { rows } = await withClient(pool, (client) =>
        client.query<{ version: number; state: State; commandId: string }>({
          name: 'load-snapshot',
          text: `select version, state, command_id as "commandId" from event_log.snapshots
            where aggregate_id = $1 and aggregate = $2 and fold_version = $3 and command_id is not null`,
          values: [stream.id, stream.aggregate, foldVersion],
        }),
      );
      return rows[0];
    } catch {
      return undefined;
    }
  },
  save: ({ tenantId, aggregate, id }, foldVersion, { version, state, commandId }) => {
    // Without the command of its last event, a snapshot cannot be distinguished from one of another history.
    if (commandId === undefined) return;
    const values = [tenantId, id, aggregate, foldVersion, version, JSON.stringify(state), commandId];
    withClient(pool, (client) => client.query({ name: 'save-snapshot', text: SAVE, values })).catch(() => {});
  },
});
