import type { Pool, PoolClient } from 'pg';
import { escapeIdentifier } from 'pg';
import type { EventLog } from '#event-log/port';
import { inTransaction, withClient } from '#platform/database/connections/pools';
import { ADVISORY_LOCKS } from '#platform/database/locks/advisory-locks';
import { holdLock } from '#platform/database/locks/held-lock';
import { uuidv5 } from '#platform/ids/uuid';
import { allHaveReached } from '#projecting/checkpoints/checkpoint-queries';

export interface TenantErasureDeps {
  readonly log: EventLog;
  /** Connects as the projector. */
  readonly pool: Pool;
  /** Tenants that are closed and whose retention has ended. */
  readonly due: (limit: number) => Promise<readonly string[]>;
}

/** Tenants of one call. */
const AT_ONCE = 20;
/** One worker erases at a time. */
const LOCK = ADVISORY_LOCKS.erasingTenants;

/** The erasure of one tenant, and the fencing token of the worker that is at it now. */
interface Attempt {
  readonly tenantId: string;
  readonly token: number;
}

/** Another worker took the erasure over: nothing more may be done by this one. */
class ErasureLost extends Error {
  override readonly name = 'ErasureLost';
}

/** Begins the erasure, or takes it over: every earlier attempt loses its right. */
const begin = ({ log, pool }: TenantErasureDeps, tenantId: string): Promise<Attempt> =>
  withClient(pool, async (client) => {
    const { rows } = await client.query<{ token: number }>(
      `insert into erasing.erasures as e (tenant_id, head, attempt) values ($1, $2, 1)
       on conflict (tenant_id) do update set attempt = e.attempt + 1 returning attempt as token`,
      [tenantId, (await log.head()).toString()],
    );
    return { tenantId, token: rows[0]?.token ?? 0 };
  });

/** {@link inTransaction}, in which no other attempt begins and this one is the last that did. @throws ErasureLost */
const asAttempt = <T>(pool: Pool, { tenantId, token }: Attempt, work: (client: PoolClient) => Promise<T>): Promise<T> =>
  inTransaction(pool, async (client) => {
    const { rows } = await client.query(
      'select from erasing.erasures where tenant_id = $1 and attempt = $2 for no key update',
      [tenantId, token],
    );
    if (rows.length === 0) throw new ErasureLost(`attempt ${token} to erase tenant ${tenantId} was taken over`);
    return work(client);
  });

/** True where every read model has seen all of the tenant, and none is being built from what the log held before. */
const readModelsAreCalm = (client: PoolClient, tenantId: string): Promise<boolean> =>
  client
    .query<{ calm: boolean }>(
      `select ${allHaveReached('e.head')} as calm from erasing.erasures e where e.tenant_id = $1`,
      [tenantId],
    )
    .then(({ rows }) => rows[0]?.calm === true);

/** By the catalogue: a read model of another release has tables that this process does not know. */
const readModelTables = (pool: Pool): Promise<string[]> =>
  withClient(pool, async (client) => {
    const { rows } = await client.query<{ name: string }>(
      `select c.relname as name from pg_class c
       join pg_attribute a on a.attrelid = c.oid and a.attname = 'tenant_id' and not a.attisdropped
       where c.relnamespace = 'read_model'::regnamespace and c.relkind in ('r', 'p') order by 1`,
    );
    return rows.map(({ name }) => name);
  });

/**
 * Erases one tenant: first its streams, so that nothing is made of them again, then every row, then the tombstone. Safe to
 * repeat from any point.
 * @returns false where it has to wait for read models that are behind or being rebuilt
 * @throws ErasureLost
 */
const eraseTenant = async (parts: TenantErasureDeps, tenantId: string): Promise<boolean> => {
  const { log, pool } = parts;
  const attempt = await begin(parts, tenantId);
  // The log may be in another database, where the token can't be checked. To repeat it changes nothing.
  await log.deleteTenant(tenantId);
  // Only now does nothing of the tenant come after the head. Once, because a head that moves on is never reached; but again
  // where the log has gone back to an older copy since, and would not reach the stored head for a long time.
  const last = (await log.head()).toString();
  const isCalm = await asAttempt(pool, attempt, async (client) => {
    await client.query(
      'update erasing.erasures set head = $2, deleted_at = now() where tenant_id = $1 and (deleted_at is null or head > $2)',
      [tenantId, last],
    );
    // What a projection has read and not yet written would come back after the rows were deleted.
    return readModelsAreCalm(client, tenantId);
  });
  if (!isCalm) return false;
  for (const table of await readModelTables(pool))
    await asAttempt(pool, attempt, (client) =>
      client.query(`delete from read_model.${escapeIdentifier(table)} where tenant_id = $1`, [tenantId]),
    );
  await asAttempt(pool, attempt, (client) => client.query('select erasing.erase_rows($1)', [tenantId]));
  const commandId = uuidv5(tenantId, 'erased');
  await log.append({
    stream: { tenantId: null, aggregate: 'operators', id: tenantId },
    expected: 'any',
    events: [{ type: 'TenantErased', data: { tenantId } }],
    commandId,
    actor: { kind: 'system' },
    correlationId: commandId,
  });
  await asAttempt(pool, attempt, (client) =>
    client.query('delete from erasing.erasures where tenant_id = $1', [tenantId]),
  );
  return true;
};

/**
 * Erases the tenants whose time has come, and completes erasures that were interrupted. One worker does so at a time; each
 * transaction checks a fencing token, for the case that the session that holds the lock is lost.
 * @returns how many are erased; those that had to wait are taken up again by the next call
 * @throws ErasureLost, or what the log or the database throws while it is not available
 */
export const eraseTenants = async (parts: TenantErasureDeps): Promise<number> => {
  const { pool } = parts;
  const held = await holdLock(pool, {
    take: 'select pg_try_advisory_lock($1) as mine',
    release: 'select pg_advisory_unlock($1)',
    values: [LOCK],
  });
  if (!held) return 0;
  try {
    const begun = await withClient(pool, (client) =>
      client.query<{ id: string }>('select tenant_id as id from erasing.erasures order by begun_at limit $1', [
        AT_ONCE,
      ]),
    );
    const tenants = new Set([...begun.rows.map(({ id }) => id), ...(await parts.due(AT_ONCE))]);
    let erased = 0;
    for (const tenantId of tenants) {
      held.lost.throwIfAborted();
      if (await eraseTenant(parts, tenantId)) erased += 1;
    }
    return erased;
  } finally {
    await held.release();
  }
};
