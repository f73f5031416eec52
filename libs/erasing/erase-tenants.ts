import type { Pool, PoolClient } from 'pg';
import { escapeIdentifier } from 'pg';
import { SYSTEM_ACCESS } from '#access/access';
import type { AccessRecords } from '#access/access-records';
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
  readonly accessRecords: Pick<AccessRecords, 'find'>;
  /** The ids of closed tenants whose retention period has ended, at most `limit`. */
  readonly due: (limit: number) => Promise<readonly string[]>;
}

/** The most tenants that one call reads from each of its two sources. */
const BATCH = 20;
/** Only one worker erases at a time. */
const LOCK = ADVISORY_LOCKS.erasingTenants;

/**
 * One attempt at the erasure of a tenant, with its fencing token. Of all attempts, only the latest one may continue.
 */
interface Attempt {
  readonly tenantId: string;
  readonly token: number;
}

/** Another worker has taken over the erasure, so that this one must stop. */
class ErasureLost extends Error {
  override readonly name = 'ErasureLost';
}

/** Begins the erasure of a tenant, or takes it over. Earlier attempts may not continue. */
const begin = ({ log, pool }: TenantErasureDeps, tenantId: string): Promise<Attempt> =>
  withClient(pool, async (client) => {
    const { rows } = await client.query<{ token: number }>(
      `insert into erasing.erasures as e (tenant_id, head, attempt) values ($1, $2, 1)
       on conflict (tenant_id) do update set attempt = e.attempt + 1 returning attempt as token`,
      [tenantId, (await log.head()).toString()],
    );
    return { tenantId, token: rows[0]?.token ?? 0 };
  });

/**
 * {@link inTransaction} after a check that this attempt is the latest one; no other attempt can begin meanwhile.
 * @throws ErasureLost
 */
const inAttempt = <T>(pool: Pool, { tenantId, token }: Attempt, work: (client: PoolClient) => Promise<T>): Promise<T> =>
  inTransaction(pool, async (client) => {
    const { rows } = await client.query(
      'select from erasing.erasures where tenant_id = $1 and attempt = $2 for no key update',
      [tenantId, token],
    );
    if (rows.length === 0) throw new ErasureLost(`attempt ${token} to erase tenant ${tenantId} was taken over`);
    return work(client);
  });

/**
 * True if every read model has all events of the tenant, and no rebuild that may have read older events is in progress.
 */
const haveReadModelsCaughtUp = (client: PoolClient, tenantId: string): Promise<boolean> =>
  client
    .query<{ reached: boolean }>(
      `select ${allHaveReached('e.head')} as reached from erasing.erasures e where e.tenant_id = $1`,
      [tenantId],
    )
    .then(({ rows }) => rows[0]?.reached === true);

/**
 * Reads the names from the catalogue, because a read model of another release has tables that this release does not
 * know.
 */
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
 * Erases one tenant: first its streams, so that its rows are not written again, then all rows. At last it appends
 * `TenantErased`. It can be interrupted and repeated at any point.
 * @returns false if it must wait for read models that are behind or being rebuilt
 * @throws ErasureLost
 */
const eraseTenant = async (deps: TenantErasureDeps, tenantId: string): Promise<boolean> => {
  const { log, pool, accessRecords } = deps;
  const attempt = await begin(deps, tenantId);
  // The log may be in another database, where the token cannot be checked. Repeating the deletion changes nothing.
  await log.deleteTenant(tenantId);
  // From now on no event of the tenant can follow the head. The head is stored once, because read models would never
  // reach a head that is updated again and again. It is replaced if the log was restored from an older copy since,
  // because that log would not reach the stored head for a long time.
  const head = (await log.head()).toString();
  const hasCaughtUp = await inAttempt(pool, attempt, async (client) => {
    await client.query(
      'update erasing.erasures set head = $2, deleted_at = now() where tenant_id = $1 and (deleted_at is null or head > $2)',
      [tenantId, head],
    );
    // Otherwise a projection might write rows from events that it has read already, after the rows were deleted.
    return haveReadModelsCaughtUp(client, tenantId);
  });
  if (!hasCaughtUp) return false;
  for (const table of await readModelTables(pool))
    await inAttempt(pool, attempt, (client) =>
      client.query(`delete from read_model.${escapeIdentifier(table)} where tenant_id = $1`, [tenantId]),
    );
  await inAttempt(pool, attempt, (client) => client.query('select erasing.erase_rows($1)', [tenantId]));
  const commandId = uuidv5(tenantId, 'erased');
  await log.append({
    stream: { tenantId: null, aggregate: 'operators', id: tenantId },
    expected: 'any',
    events: [{ type: 'TenantErased', data: { tenantId } }],
    commandId,
    actor: { kind: 'system' },
    correlationId: commandId,
    accessId: await accessRecords.find(SYSTEM_ACCESS, null),
  });
  await inAttempt(pool, attempt, (client) =>
    client.query('delete from erasing.erasures where tenant_id = $1', [tenantId]),
  );
  return true;
};

/**
 * Erases tenants whose retention period has ended, and completes interrupted erasures. Only one worker does so at a
 * time. Each transaction also checks a fencing token, because the session that holds the lock may be lost.
 * @returns the number of erased tenants; 0 if another worker is erasing. The next call continues with those that had to
 * wait.
 * @throws ErasureLost, or the error of the log or of the database while it is not available
 */
export const eraseTenants = async (deps: TenantErasureDeps): Promise<number> => {
  const { pool } = deps;
  const lock = await holdLock(pool, {
    take: 'select pg_try_advisory_lock($1) as mine',
    release: 'select pg_advisory_unlock($1)',
    values: [LOCK],
  });
  if (!lock) return 0;
  try {
    const begun = await withClient(pool, (client) =>
      client.query<{ id: string }>('select tenant_id as id from erasing.erasures order by begun_at limit $1', [BATCH]),
    );
    const tenants = new Set([...begun.rows.map(({ id }) => id), ...(await deps.due(BATCH))]);
    let erased = 0;
    for (const tenantId of tenants) {
      lock.lost.throwIfAborted();
      if (await eraseTenant(deps, tenantId)) erased += 1;
    }
    return erased;
  } finally {
    await lock.release();
  }
};
