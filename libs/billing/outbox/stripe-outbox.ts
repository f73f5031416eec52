import type { ScopedDb, Statement } from '#platform/database/scoped/scoped-db';
import { failpoint } from '#platform/failpoints';
import { LeaseLost } from '#platform/lease/held-lease';
import type { Mode } from '../inbox/stripe-event';
import type { TenantLease } from '../tenant-lease';

type Kind = 'customer' | 'checkout' | 'portal' | 'change';

/** A request to Stripe. */
export interface OutboxCall<Params extends object> {
  readonly tenantId: string;
  /**
   * UUID of the command. A repeated command sends the request with the same idempotency key, and has the same result.
   */
  readonly callId: string;
  readonly kind: Kind;
  /** All parameters. They are stored with the first attempt, and a repeat sends the stored ones. */
  readonly params: Params;
  /** The lease under which the request is sent, for the kinds that only one process may send at a time for a tenant. */
  readonly lease?: TenantLease;
}

const BEGIN: Statement = {
  name: 'begin-outbox-call',
  text: `insert into billing.calls (tenant_id, call_id, kind, idempotency_key, params, due_at)
    select $1::uuid, $2::uuid, $3, $4, $5::jsonb, lease.now() + interval '15 seconds'
    where $6::uuid is null or exists (select from (
      select from billing.turns where tenant_id = $1::uuid and holder = $6::uuid for share) as held)
    on conflict (tenant_id, call_id) do update set attempts = billing.calls.attempts
    returning state, result, params`,
};
const END: Statement = {
  name: 'end-outbox-call',
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
const REQUEST_SYNC: Statement = { name: 'request-sync', text: 'select billing.ask_for_me($1, $2)' };
const IS_SYNC_PENDING: Statement = {
  name: 'is-sync-pending',
  text: 'select billing.is_at_work($1, $2) as "isPending"',
};
const IS_SYNC_PENDING_UNFAILED: Statement = {
  name: 'is-sync-pending-unfailed',
  text: 'select billing.is_well_at_work($1, $2) as "isPending"',
};
const RECENT_CHECKOUT: Statement = {
  name: 'recent-checkout',
  text: `select 1 from billing.calls
    where tenant_id = (select nullif(current_setting('app.tenant_id', true), '')::uuid)
      and kind = 'checkout' and asked_at > lease.now() - interval '1 hour' limit 1`,
};

/**
 * The outbox: each request to Stripe is stored, with its idempotency key, before it is sent. It also lets a request
 * make the workers synchronise a tenant with Stripe, and wait for them.
 * @param mode of this installation
 */
export const createStripeOutbox = (db: ScopedDb, mode: Mode) => ({
  /**
   * Sends a request to Stripe, with the effect of one request: a repeat of the same command returns the stored result,
   * or sends the request again with the same idempotency key.
   * @param send is called with the idempotency key and the parameters of the first attempt
   * @param isRefusal whether an error of `send` is Stripe's final answer; after any other error the call stays pending
   * @throws LeaseLost another process has the lease: nothing was sent
   * @throws the error of `send`
   */
  sendOnce: async <Params extends object, Result extends object>(
    { tenantId, callId, kind, params, lease }: OutboxCall<Params>,
    send: (idempotencyKey: string, params: Params) => Promise<Result>,
    isRefusal: (error: unknown) => boolean,
  ): Promise<Result> => {
    const scoped = db.tenant(tenantId);
    const key = `tenantry-${callId}-${kind}`;
    const [call] = await scoped.query<{ state: string; result: Result | null; params: Params }>(BEGIN, [
      ...[tenantId, callId, kind, key, JSON.stringify(params), lease?.token ?? null],
    ]);
    if (!call) throw new LeaseLost('another process is changing the subscription of the tenant');
    failpoint('billing.call-noted');
    if (call.state === 'done' && call.result) return call.result;
    try {
      lease?.signal.throwIfAborted();
      const result = await send(key, call.params);
      failpoint('billing.call-answered');
      await scoped.query(END, [tenantId, callId, 'done', JSON.stringify(result)]);
      return result;
    } catch (error) {
      if (isRefusal(error)) await scoped.query(END, [tenantId, callId, 'failed', null]);
      throw error;
    }
  },

  /** The id of the tenant's customer at Stripe; undefined: it has none, or the customer was deleted. */
  customerOf: async (tenantId: string): Promise<string | undefined> => {
    const [row] = await db.tenant(tenantId).query<{ id: string }>(CUSTOMER, [mode.account, mode.livemode]);
    return row?.id;
  },

  /**
   * Stores the tenant's customer.
   * @returns the customer of the tenant: another one if another process stored its own first
   */
  link: async (tenantId: string, customerId: string): Promise<string> => {
    const scoped = db.tenant(tenantId);
    await scoped.query(LINK, [mode.account, mode.livemode, customerId, tenantId]);
    const [row] = await scoped.query<{ id: string }>(CUSTOMER, [mode.account, mode.livemode]);
    return row?.id ?? customerId;
  },

  /** Whether a checkout page was requested for the tenant in the last hour. */
  hasCheckedOut: async (tenantId: string): Promise<boolean> =>
    (await db.tenant(tenantId).query(RECENT_CHECKOUT, [])).length > 0,

  /** Requests that a worker reads the tenant's state from Stripe and applies it. Does nothing without a customer. */
  requestSync: async (tenantId: string): Promise<void> => {
    await db.tenant(tenantId).query(REQUEST_SYNC, [mode.account, mode.livemode]);
  },

  /** Whether a synchronisation of the tenant with Stripe is not finished. */
  isSyncPending: async (tenantId: string): Promise<boolean> => {
    const values = [mode.account, mode.livemode];
    const [row] = await db.tenant(tenantId).query<{ isPending: boolean }>(IS_SYNC_PENDING, values);
    return row?.isPending === true;
  },

  /**
   * Whether a synchronisation of the tenant with Stripe is not finished and has not failed. After a failure Stripe is
   * probably not available, and the next attempt is too far in the future to wait for it.
   */
  isSyncPendingUnfailed: async (tenantId: string): Promise<boolean> => {
    const values = [mode.account, mode.livemode];
    const [row] = await db.tenant(tenantId).query<{ isPending: boolean }>(IS_SYNC_PENDING_UNFAILED, values);
    return row?.isPending === true;
  },
});

export type StripeOutbox = ReturnType<typeof createStripeOutbox>;
