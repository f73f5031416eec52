import type { Pool } from 'pg';
import { withClient } from '#platform/database/connections/pools';
import type { TenantLease } from '../tenant-lease';

/** A change of a subscription whose answer from Stripe did not arrive. */
export interface UnansweredChange {
  readonly tenantId: string;
  readonly callId: string;
  readonly idempotencyKey: string;
  readonly params: unknown;
  readonly attempts: number;
}

/**
 * Claims changes whose answer did not arrive, to send them again; each is returned to one caller, and to a later call
 * again after a pause that doubles from 15 seconds up to an hour. A change is marked as failed instead if the tenant
 * requested a later change, or if it is older than an hour, because the user does not expect it any more.
 * @param pool connects as the projector
 */
export const claimUnansweredChanges = async (pool: Pool, limit: number): Promise<UnansweredChange[]> => {
  const { rows } = await withClient(pool, async (client) => {
    await client.query(
      `update billing.calls c set state = 'failed'
       where c.state = 'pending' and c.kind = 'change' and c.due_at <= lease.now() and (
         c.asked_at < lease.now() - interval '1 hour'
         or exists (select from billing.calls l
           where l.tenant_id = c.tenant_id and l.kind = 'change' and l.number > c.number))`,
    );
    return client.query<UnansweredChange>(
      `with due as materialized (
         select u.tenant_id, u.call_id from billing.calls u
         where u.state = 'pending' and u.kind = 'change' and u.due_at <= lease.now()
         order by u.due_at limit $1 for update skip locked)
       update billing.calls c set attempts = c.attempts + 1,
         due_at = lease.now() + least(interval '1 hour', interval '15 seconds' * power(2, c.attempts))
       from due d where c.tenant_id = d.tenant_id and c.call_id = d.call_id
       returning c.tenant_id as "tenantId", c.call_id as "callId", c.idempotency_key as "idempotencyKey", c.params,
         c.attempts`,
      [limit],
    );
  });
  return rows;
};

/**
 * Whether a claimed change still has to be sent: it is pending, the lease is still held, and there is no later change.
 * @param pool connects as the projector
 */
export const isStillWanted = async (
  pool: Pool,
  { tenantId, callId }: Pick<UnansweredChange, 'tenantId' | 'callId'>,
  { token }: Pick<TenantLease, 'token'>,
): Promise<boolean> => {
  const { rows } = await withClient(pool, (client) =>
    client.query(
      `select 1 from billing.calls c where c.tenant_id = $1 and c.call_id = $2 and c.state = 'pending'
         and exists (select from billing.turns t where t.tenant_id = $1 and t.holder = $3)
         and not exists (select from billing.calls l
           where l.tenant_id = c.tenant_id and l.kind = 'change' and l.number > c.number)`,
      [tenantId, callId, token],
    ),
  );
  return rows.length > 0;
};

/** Ends a claimed change with Stripe's answer. @param pool connects as the projector */
export const settleCall = async (
  pool: Pool,
  { tenantId, callId }: Pick<UnansweredChange, 'tenantId' | 'callId'>,
  state: 'done' | 'failed',
): Promise<void> => {
  await withClient(pool, (client) =>
    client.query(`update billing.calls set state = $3, result = '{}' where tenant_id = $1 and call_id = $2`, [
      ...[tenantId, callId, state],
    ]),
  );
};
