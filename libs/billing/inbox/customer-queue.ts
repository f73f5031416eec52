import { DISPUTED, type Mode } from './stripe-event';

/** A customer whose work one worker has claimed. */
export interface ClaimedCustomer extends Mode {
  readonly customerId: string;
  /** Fencing token, a UUID: every write for the customer checks it. */
  readonly lease: string;
  /** How often the work failed in succession. */
  readonly attempts: number;
  /** ms since the first of these failures; null: the work has not failed. */
  readonly failingMs: number | null;
  /** The number of requests for this work before it was claimed. After a later request the customer stays due. */
  readonly requests: number;
  /** Reconciliation requested the work, and not an event from Stripe. */
  readonly reconcile: boolean;
}

/** How the installation received an event: as a webhook, or from Stripe's list of events. */
export type Via = 'webhook' | 'list';

/** An event that is stored and not processed yet. */
export interface PendingEvent {
  readonly eventId: string;
  readonly type: string;
  /** By Stripe's clock. */
  readonly createdAt: Date;
  /** `list`: no webhook arrived for the event. */
  readonly via: Via;
  /** Only for disputes, because their data is not part of what is read from Stripe about a customer; else null. */
  readonly payload: string | null;
}

/**
 * Seconds for which a worker that claimed a customer has it alone. The lease of a killed worker ends after this time.
 */
export const LEASE_SECONDS = 10;
/** Maximum number of events of a customer that are processed together. */
const EVENTS_AT_ONCE = 1_000;

/** Runs a prepared statement. @param name unique for each text */
export type InboxQuery = <Row>(name: string, text: string, values: unknown[]) => Promise<Row[]>;

/** The customers of one account and mode whose state at Stripe has to be read and applied to their tenants. */
export const createCustomerQueue = (query: InboxQuery, mode: Mode) => ({
  /** Claims customers that are due, for {@link LEASE_SECONDS}; no other worker receives them in that time. */
  claim: (limit: number): Promise<ClaimedCustomer[]> =>
    query<ClaimedCustomer>(
      'claim-customers',
      `select account, livemode, customer_id as "customerId", lease, attempts, asked as requests, reconcile,
         (extract(epoch from lease.now() - failing_since) * 1000)::float8 as "failingMs"
       from billing.claim($1, $2, $3, $4)`,
      [mode.account, mode.livemode, limit, LEASE_SECONDS],
    ),

  /** The pending events of a customer, the oldest first, at most 1,000. */
  pendingOf: ({ account, livemode, customerId }: ClaimedCustomer): Promise<PendingEvent[]> =>
    query<PendingEvent>(
      'pending-of-customer',
      `select event_id as "eventId", type, created_at as "createdAt", via,
         case when type = '${DISPUTED}' then payload end as payload
       from billing.inbox
       where account = $1 and livemode = $2 and customer_id = $3 and state = 'pending'
       order by created_at, event_id limit ${EVENTS_AT_ONCE}`,
      [account, livemode, customerId],
    ),

  /** The tenant of a customer; undefined: the customer belongs to no tenant of this installation. */
  tenantOf: async ({ account, livemode, customerId }: ClaimedCustomer): Promise<string | undefined> => {
    const [row] = await query<{ id: string }>(
      'tenant-of-customer',
      `select tenant_id as id from billing.customers where account = $1 and livemode = $2 and customer_id = $3`,
      [account, livemode, customerId],
    );
    return row?.id;
  },

  /** Makes the lease last {@link LEASE_SECONDS} from now on. @returns false if another worker has the customer */
  renew: async ({ account, livemode, customerId, lease }: ClaimedCustomer): Promise<boolean> => {
    const renewed = await query(
      'renew-customer-lease',
      `update billing.work set leased_until = lease.now() + make_interval(secs => $5)
       where account = $1 and livemode = $2 and customer_id = $3 and lease = $4 returning 1`,
      [account, livemode, customerId, lease, LEASE_SECONDS],
    );
    return renewed.length > 0;
  },

  /**
   * Ends the work on a customer and sets the state of these events. If events or requests came since the claim, the
   * customer stays due.
   * @param reason shown to operators
   * @returns false if another worker has the customer: the events keep their state, and the customer is processed again
   */
  finish: async (
    { account, livemode, customerId, lease, requests }: ClaimedCustomer,
    events: readonly PendingEvent[],
    state: 'handled' | 'quarantined' | 'parked' = 'handled',
    reason: string | null = null,
  ): Promise<boolean> => {
    const [row] = await query<{ finished: boolean }>(
      'finish-customer',
      'select billing.finish($1, $2, $3, $4, $5, $6, $7, $8) as finished',
      [account, livemode, customerId, lease, requests, events.map(({ eventId }) => eventId), state, reason],
    );
    return row?.finished === true;
  },

  /**
   * Ends an attempt that failed: the customer is due again after `ms`. Does nothing if another worker has the customer.
   */
  putOff: async ({ account, livemode, customerId, lease }: ClaimedCustomer, ms: number): Promise<void> => {
    await query('put-off-customer', 'select billing.put_off($1, $2, $3, $4, $5)', [
      ...[account, livemode, customerId, lease, Math.round(ms)],
    ]);
  },

  /**
   * Records that the customer was deleted at Stripe. The next purchase of the tenant creates a new customer.
   * @returns false if another worker has the customer: nothing was written
   */
  forget: async ({ account, livemode, customerId, lease }: ClaimedCustomer): Promise<boolean> => {
    const forgotten = await query(
      'forget-customer',
      `with held as materialized (
         select 1 from billing.work
         where account = $1 and livemode = $2 and customer_id = $3 and lease = $4 for update)
       update billing.customers set deleted_at = coalesce(deleted_at, now())
       where account = $1 and livemode = $2 and customer_id = $3 and exists (select from held) returning 1`,
      [account, livemode, customerId, lease],
    );
    return forgotten.length > 0;
  },
});
