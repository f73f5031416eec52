import type { Pool } from 'pg';
import { withClient } from '../../platform/database/pools';
import type { Snapshots } from '../snapshots';

const SAVE = `insert into event_log.snapshots as s (tenant_id, aggregate_id, aggregate, fold_version, version, state)
  values ($1, $2, $3, $4, $5, $6)
  on conflict (aggregate_id, aggregate) do update
    set fold_version = excluded.fold_version, version = excluded.version, state = excluded.state
    where s.fold_version <> excluded.fold_version or s.version < excluded.version`;

/** Snapshots beside the log, in the table `event_log.snapshots`. */
export const createPostgresSnapshots = (pool: Pool): Snapshots => ({
  load: async <State>(stream: { aggregate: string; id: string }, foldVersion: number) => {
    try {
      const { rows } = await withClient(pool, (client) =>
        client.query<{ version: number; state: State }>({
          name: 'load-snapshot',
          text: `select version, state from event_log.snapshots
            where aggregate_id = $1 and aggregate = $2 and fold_version = $3`,
          values: [stream.id, stream.aggregate, foldVersion],
        }),
      );
      return rows[0];
    } catch {
      return undefined;
    }
  },
  save: ({ tenantId, aggregate, id }, foldVersion, { version, state }) => {
    const values = [tenantId, id, aggregate, foldVersion, version, JSON.stringify(state)];
    withClient(pool, (client) => client.query({ name: 'save-snapshot', text: SAVE, values })).catch(() => {});
  },
});
