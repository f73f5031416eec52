import type { Pool } from 'pg';
import { escapeIdentifier } from 'pg';
import type { EventLog } from '../event-log/port';
import { ADVISORY_LOCKS } from '../platform/database/advisory-locks';
import { withClient } from '../platform/database/pools';
import { uuidv5 } from '../platform/ids/uuid';
import type { Projection } from '../projecting/projection';

export interface ErasingParts {
  readonly log: EventLog;
  /** Connects as the projector. */
  readonly pool: Pool;
  readonly projections: readonly Projection[];
  /** Companies that are closed and have had their time. */
  readonly due: (limit: number) => Promise<readonly string[]>;
}

/** Companies that one look takes. */
const AT_ONCE = 20;
/** One worker erases at a time. */
const LOCK = ADVISORY_LOCKS.erasingTenants;

/** True where every read model has seen all of the company, and none is being built from what the log held before. */
const readModelsAreCalm = async ({ pool }: ErasingParts, tenantId: string): Promise<boolean> => {
  const { rows } = await withClient(pool, (client) =>
    client.query<{ calm: boolean }>(
      `select not exists (select from projecting.checkpoints c where c.position < e.head)
         and not exists (select from projecting.rebuilds where state in ('loading', 'catching-up')) as calm
       from erasing.erasures e where e.tenant_id = $1`,
      [tenantId],
    ),
  );
  return rows[0]?.calm === true;
};

const eraseReadModels = async ({ pool, projections }: ErasingParts, tenantId: string): Promise<void> => {
  for (const { tables } of projections) {
    for (const [name, { columns }] of Object.entries(tables)) {
      if (!('tenant_id' in columns)) continue;
      await withClient(pool, (client) =>
        client.query(`delete from read_model.${escapeIdentifier(name)} where tenant_id = $1`, [tenantId]),
      );
    }
  }
};

/**
 * Erases one company: first its streams, so that nothing is made of them again, then every row, then the tombstone. Safe
 * to repeat from any point.
 * @returns false where it has to wait for read models that are behind or being rebuilt
 */
const eraseTenant = async (parts: ErasingParts, tenantId: string): Promise<boolean> => {
  const { log, pool } = parts;
  const head = (await log.head()).toString();
  await withClient(pool, (client) =>
    client.query('insert into erasing.erasures (tenant_id, head) values ($1, $2) on conflict do nothing', [
      tenantId,
      head,
    ]),
  );
  await log.deleteTenant(tenantId);
  // Only now does nothing of the company come after the head. Once: a head that moves on is never reached.
  const last = (await log.head()).toString();
  await withClient(pool, (client) =>
    client.query(
      'update erasing.erasures set head = $2, deleted_at = now() where tenant_id = $1 and deleted_at is null',
      [tenantId, last],
    ),
  );
  // What a projection has read and not yet written would come back after the rows were deleted.
  if (!(await readModelsAreCalm(parts, tenantId))) return false;
  await eraseReadModels(parts, tenantId);
  await withClient(pool, (client) => client.query('select erasing.erase_rows($1)', [tenantId]));
  const commandId = uuidv5(tenantId, 'erased');
  await log.append({
    stream: { tenantId: null, aggregate: 'operators', id: tenantId },
    expected: 'any',
    events: [{ type: 'TenantErased', data: { tenantId } }],
    commandId,
    actor: { kind: 'system' },
    correlationId: commandId,
  });
  await withClient(pool, (client) => client.query('delete from erasing.erasures where tenant_id = $1', [tenantId]));
  return true;
};

/**
 * Erases the companies whose time has come, and completes erasures that were cut off.
 * @returns how many are gone now; those that had to wait are taken up again by the next look
 * @throws what the log or the database throws while it is away
 */
export const eraseTenants = async (parts: ErasingParts): Promise<number> => {
  const { pool } = parts;
  // Lives as long as the connection: a killed process gives it back by itself.
  const holder = await pool.connect();
  try {
    const { rows } = await holder.query<{ mine: boolean }>('select pg_try_advisory_lock($1) as mine', [LOCK]);
    if (!rows[0]?.mine) return 0;
    const begun = await holder.query<{ id: string }>(
      'select tenant_id as id from erasing.erasures order by begun_at limit $1',
      [AT_ONCE],
    );
    const tenants = new Set([...begun.rows.map(({ id }) => id), ...(await parts.due(AT_ONCE))]);
    let erased = 0;
    for (const tenantId of tenants) if (await eraseTenant(parts, tenantId)) erased += 1;
    return erased;
  } finally {
    // Given back before the answer: that a connection is closed, the server learns some time later.
    await holder.query('select pg_advisory_unlock($1)', [LOCK]).catch(() => {});
    holder.release(true);
  }
};
