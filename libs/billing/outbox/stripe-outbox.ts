import type { Pool } from 'pg';
import { withClient } from '#platform/database/connections/pools';
import type { ScopedDb, Statement } from '#platform/database/scoped/scoped-db';
import { failpoint } from '#platform/failpoints';
import { LeaseLost } from '#platform/lease/held-lease';
import type { Mode } from '../inbox/stripe-event';
import type { TenantLease } from '../tenant-lease';

type Kind = 'customer' | 'checkout' | 'portal' | 'change';

/** Something that Stripe is asked to do. */
export interface OutboxCall<Params extends object> {
  readonly tenantId: string;
  /** UUID, of the command: a repeat of it asks Stripe with the same key, and gets the same answer. */
  readonly callId: string;
  readonly kind: Kind;
  /** What is asked for, whole: a repeat asks for the same, whatever it would ask for now. */
  readonly params: Params;
  /** The turn in which it is asked for, where its kind is for one process at a time. */
  readonly turn?: TenantLease;
}

/** A change whose answer was never seen. */
export interface OutboxCallUnknown {
  readonly tenantId: string;
  readonly callId: string;
  readonly idempotencyKey: string;
  readonly params: unknown;
  readonly attempts: number;
}

const BEGIN: Statement = {
  name: 'begin-call',
  text: `insert into billing.calls (tenant_id, call_id, kind, idempotency_key, params, due_at)
    select $1::uuid, $2::uuid, $3, $4, $5::jsonb, lease.now() + interval '15 seconds'
    where $6::uuid is null or exists (select from (
      select from billing.turns where tenant_id = $1::uuid and holder = $6::uuid for share) as held)
    on conflict (tenant_id, call_id) do update set attempts = billing.calls.attempts
    returning state, result, params`,
};
const END: Statement = {
  name: 'end-call',
  text: `update billing.calls set state = $3, result = $4::jsonb where tenant_id = $1 and call_id = $2`,
};
const CUSTOMER: Statement = {
  name: 'customer-of-tenant',
  text: `select customer_id as id from billing.customers
    where tenant_id = (select nullif(current_setting('app.tenant_id', true), '')::uuid)
      and account = $1 and livemode = $2 and deleted_at is null`,
};
const LINK: Statement = {
  name: 'link-customer',
  text: `insert into billing.customers (account, livemode, customer_id, tenant_id) values ($1, $2, $3, $4)
    on conflict do nothing`,
};
const ASK: Statement = { name: 'ask-for-me', text: 'select billing.ask_for_me($1, $2)' };
const AT_WORK: Statement = { name: 'is-at-work', text: 'select billing.is_at_work($1, $2) as busy' };
const WELL_AT_WORK: Statement = { name: 'is-well-at-work', text: 'select billing.is_well_at_work($1, $2) as busy' };
const RECENT_CHECKOUT: Statement = {
  name: 'recent-checkout',
  text: `select 1 from billing.calls
    where tenant_id = (select nullif(current_setting('app.tenant_id', true), '')::uuid)
      and kind = 'checkout' and asked_at > lease.now() - interval '1 hour' limit 1`,
};

/** The outbox: what Stripe is asked to do is written down, with its key, before it is asked. */
export const createStripeOutbox = (db: ScopedDb, mode: Mode) => ({
  /**
   * Asks, once: a repeat of the same command gets the answer that is known, or asks with the same key again.
   * @param ask is given the key by which Stripe knows a repeat, and what was asked for the first time
   * @throws what `ask` throws; where Stripe was away the call stays pending
   * @throws LeaseLost another process has the turn: Stripe was not asked
   */
  once: async <Params extends object, Result extends object>(
    { tenantId, callId, kind, params, turn }: OutboxCall<Params>,
    ask: (idempotencyKey: string, params: Params) => Promise<Result>,
    isRefusal: (error: unknown) => boolean,
  ): Promise<Result> => {
    const scoped = db.tenant(tenantId);
    const key = `tenantry-${callId}-${kind}`;
    const [known] = await scoped.query<{ state: string; result: Result | null; params: Params }>(BEGIN, [
      ...[tenantId, callId, kind, key, JSON.stringify(params), turn?.token ?? null],
    ]);
    if (!known) throw new LeaseLost('another process is changing the subscription of the tenant');
    failpoint('billing.call-noted');
    if (known.state === 'done' && known.result) return known.result;
    try {
      turn?.signal.throwIfAborted();
      const result = await ask(key, known.params);
      failpoint('billing.call-answered');
      await scoped.query(END, [tenantId, callId, 'done', JSON.stringify(result)]);
      return result;
    } catch (error) {
      if (isRefusal(error)) await scoped.query(END, [tenantId, callId, 'failed', null]);
      throw error;
    }
  },

  customerOf: async (tenantId: string): Promise<string | undefined> => {
    const [row] = await db.tenant(tenantId).query<{ id: string }>(CUSTOMER, [mode.account, mode.livemode]);
    return row?.id;
  },

  /** @returns the tenant's customer: another one, where somebody was faster */
  link: async (tenantId: string, customerId: string): Promise<string> => {
    const scoped = db.tenant(tenantId);
    await scoped.query(LINK, [mode.account, mode.livemode, customerId, tenantId]);
    const [row] = await scoped.query<{ id: string }>(CUSTOMER, [mode.account, mode.livemode]);
    return row?.id ?? customerId;
  },

  /** Whether somebody has gone to pay not long ago. */
  hasCheckedOut: async (tenantId: string): Promise<boolean> =>
    (await db.tenant(tenantId).query(RECENT_CHECKOUT, [])).length > 0,

  /** Asks for the tenant to be looked at. */
  ask: async (tenantId: string): Promise<void> => {
    await db.tenant(tenantId).query(ASK, [mode.account, mode.livemode]);
  },

  isAtWork: async (tenantId: string): Promise<boolean> => {
    const [row] = await db.tenant(tenantId).query<{ busy: boolean }>(AT_WORK, [mode.account, mode.livemode]);
    return row?.busy === true;
  },

  /** The same, and no failure so far: after one, Stripe is not available, and the next look is a while off. */
  isWellAtWork: async (tenantId: string): Promise<boolean> => {
    const [row] = await db.tenant(tenantId).query<{ busy: boolean }>(WELL_AT_WORK, [mode.account, mode.livemode]);
    return row?.busy === true;
  },
});

export type StripeOutbox = ReturnType<typeof createStripeOutbox>;

/**
 * Changes whose answer was never seen, for the sweeper; each is given to one caller. One that a later change has taken the
 * place of, or that nobody can still expect after an hour, is not carried out any more.
 * @param pool connects as the projector
 */
export const takeUnknownChanges = async (pool: Pool, limit: number): Promise<OutboxCallUnknown[]> => {
  const { rows } = await withClient(pool, async (client) => {
    await client.query(
      `update billing.calls c set state = 'failed'
       where c.state = 'pending' and c.kind = 'change' and c.due_at <= lease.now() and (
         c.asked_at < lease.now() - interval '1 hour'
         or exists (select from billing.calls l
           where l.tenant_id = c.tenant_id and l.kind = 'change' and l.number > c.number))`,
    );
    return client.query<OutboxCallUnknown>(
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
 * Whether it is still to be carried out: the turn is still held, and no later change has taken its place.
 * @param pool connects as the projector
 */
export const isStillWanted = async (
  pool: Pool,
  { tenantId, callId }: Pick<OutboxCallUnknown, 'tenantId' | 'callId'>,
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

/** @param pool connects as the projector */
export const settleCall = async (
  pool: Pool,
  { tenantId, callId }: Pick<OutboxCallUnknown, 'tenantId' | 'callId'>,
  state: 'done' | 'failed',
): Promise<void> => {
  await withClient(pool, (client) =>
    client.query(`update billing.calls set state = $3, result = '{}' where tenant_id = $1 and call_id = $2`, [
      ...[tenantId, callId, state],
    ]),
  );
};
