import type { Pool } from 'pg';
import { withClient } from '#platform/database/connections/pools';
import { DISPUTED, type Mode, type StripeEvent } from './stripe-event';

/** A customer that one worker looks at. */
export interface ClaimedCustomer extends Mode {
  readonly customerId: string;
  /** Proves that nobody else does. */
  readonly lease: string;
  /** How often it failed, and for how many ms; null: not at all. */
  readonly attempts: number;
  readonly failingMs: number | null;
  /** How often it was asked for before it was claimed. */
  readonly asked: number;
  /** Asked for by us, and not by Stripe. */
  readonly reconcile: boolean;
}

export interface PendingEvent {
  readonly eventId: string;
  readonly type: string;
  /** By Stripe's clock. */
  readonly createdAt: Date;
  /** list: Stripe did not tell it, or we did not hear. */
  readonly via: Via;
  /** Of what is not to be had by asking for the customer; else null. */
  readonly payload: string | null;
}

/** An event that does not say whose it is. */
export interface EventWithoutCustomer extends Mode {
  readonly eventId: string;
  readonly payload: string;
}

/** Seconds for which a customer is one worker's: what a killed worker had is another's after them. */
export const LEASE_SECONDS = 10;
/** Events of a customer that are taken together. */
const TOGETHER = 1_000;

/** How we came to know of an event: Stripe told it, or it stood in Stripe's list. */
export type Via = 'webhook' | 'list';

/** Takes in, in one statement. @param pool connects as the app role or as the projector */
export const takeIn = async (pool: Pool, many: readonly StripeEvent[], via: Via): Promise<void> => {
  const column = <K extends keyof StripeEvent>(name: K): StripeEvent[K][] => many.map((told) => told[name]);
  await withClient(pool, (client) =>
    client.query({
      name: 'take-in',
      text: 'select billing.take_in($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)',
      values: [
        ...[column('account'), column('livemode'), column('eventId'), column('type'), column('customerId')],
        ...[column('createdAt'), column('payload'), column('state'), column('reason'), via],
      ],
    }),
  );
};

/** What of the inbox is to be done, of one account and mode. @param pool connects as the projector */
export const createInboxStore = (pool: Pool, mode: Mode) => {
  const query = async <Row>(name: string, text: string, values: unknown[]): Promise<Row[]> =>
    (await withClient(pool, (client) => client.query({ name, text, values }))).rows as Row[];
  return {
    /** Customers that are due, given to this caller alone for {@link LEASE_SECONDS}. */
    claim: (limit: number): Promise<ClaimedCustomer[]> =>
      query<ClaimedCustomer>(
        'claim-work',
        `select account, livemode, customer_id as "customerId", lease, attempts, asked, reconcile,
           (extract(epoch from lease.now() - failing_since) * 1000)::float8 as "failingMs"
         from billing.claim($1, $2, $3, $4)`,
        [mode.account, mode.livemode, limit, LEASE_SECONDS],
      ),

    /** What Stripe has told of a customer, the oldest first. */
    pendingOf: ({ account, livemode, customerId }: ClaimedCustomer): Promise<PendingEvent[]> =>
      query<PendingEvent>(
        'pending-of-customer',
        `select event_id as "eventId", type, created_at as "createdAt", via,
           case when type = '${DISPUTED}' then payload end as payload
         from billing.inbox
         where account = $1 and livemode = $2 and customer_id = $3 and state = 'pending'
         order by created_at, event_id limit ${TOGETHER}`,
        [account, livemode, customerId],
      ),

    /** What was told and does not say of whom: those that failed before come last, and none of them always first. */
    nameless: (limit: number): Promise<EventWithoutCustomer[]> =>
      query<EventWithoutCustomer>(
        'nameless-events',
        `select account, livemode, event_id as "eventId", payload from billing.inbox
         where state = 'pending' and customer_id is null and account = $1 and livemode = $2
         order by failing_since is not null, random() limit $3`,
        [mode.account, mode.livemode, limit],
      ),

    /** It could not be found out whose it is. @returns whether that was so for too long, and it is put aside */
    stayNameless: async ({ account, livemode, eventId }: EventWithoutCustomer, patienceMs: number, reason: string) => {
      const [row] = await query<{ parked: boolean }>(
        'stay-nameless',
        `with late as (
           select account, livemode, event_id, coalesce(failing_since < lease.now() - make_interval(secs => $4), false) as parked
           from billing.inbox where account = $1 and livemode = $2 and event_id = $3 and state = 'pending' for update)
         update billing.inbox i set
           state = case when l.parked then 'parked' else i.state end,
           reason = case when l.parked then $5 else i.reason end,
           failing_since = case when l.parked then null else coalesce(i.failing_since, lease.now()) end
         from late l where (i.account, i.livemode, i.event_id) = (l.account, l.livemode, l.event_id)
         returning l.parked`,
        [account, livemode, eventId, patienceMs / 1_000, reason],
      );
      return row?.parked === true;
    },

    /** Says whose it is, so that they are looked at. @param customerId null: nobody's */
    name: async ({ account, livemode, eventId }: EventWithoutCustomer, customerId: string | null): Promise<void> => {
      await query('name-event', 'select billing.name_event($1, $2, $3, $4)', [account, livemode, eventId, customerId]);
    },

    /** The tenant of a customer; undefined where it is nobody's. */
    tenantOf: async ({ account, livemode, customerId }: ClaimedCustomer): Promise<string | undefined> => {
      const [row] = await query<{ id: string }>(
        'tenant-of-customer',
        `select tenant_id as id from billing.customers where account = $1 and livemode = $2 and customer_id = $3`,
        [account, livemode, customerId],
      );
      return row?.id;
    },

    /** Makes the lease last {@link LEASE_SECONDS} from now on. @returns false where another worker has the customer */
    renew: async ({ account, livemode, customerId, lease }: ClaimedCustomer): Promise<boolean> => {
      const renewed = await query(
        'renew-work',
        `update billing.work set leased_until = lease.now() + make_interval(secs => $5)
         where account = $1 and livemode = $2 and customer_id = $3 and lease = $4 returning 1`,
        [account, livemode, customerId, lease, LEASE_SECONDS],
      );
      return renewed.length > 0;
    },

    /** @returns false where the lease has passed to somebody else: the customer is looked at once more */
    finish: async (
      { account, livemode, customerId, lease, asked }: ClaimedCustomer,
      events: readonly PendingEvent[],
      state: 'handled' | 'quarantined' | 'parked' = 'handled',
      reason: string | null = null,
    ): Promise<boolean> => {
      const [row] = await query<{ finished: boolean }>(
        'finish-work',
        'select billing.finish($1, $2, $3, $4, $5, $6, $7, $8) as finished',
        [account, livemode, customerId, lease, asked, events.map(({ eventId }) => eventId), state, reason],
      );
      return row?.finished === true;
    },

    putOff: async ({ account, livemode, customerId, lease }: ClaimedCustomer, ms: number): Promise<void> => {
      await query('put-off-work', 'select billing.put_off($1, $2, $3, $4, $5)', [
        ...[account, livemode, customerId, lease, Math.round(ms)],
      ]);
    },

    /**
     * The customer is no more: the tenant's next one is another.
     * @returns false where another worker has the customer, and nothing was written
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

    /** Asks for customers to be compared with Stripe. @param tenantId null: all @returns how many */
    ask: async (tenantId: string | null): Promise<number> => {
      const [row] = await query<{ n: number }>('ask-for-customers', 'select billing.ask($1, $2, $3) as n', [
        ...[mode.account, mode.livemode, tenantId],
      ]);
      return row?.n ?? 0;
    },

    /** When Stripe's newest event was made that we know of; undefined: none is known. */
    newest: async (): Promise<Date | undefined> => {
      const [row] = await query<{ at: Date | null }>(
        'newest-told',
        `select max(created_at) as at from billing.inbox where livemode = $1 and type <> 'unreadable'`,
        [mode.livemode],
      );
      return row?.at ?? undefined;
    },

    /** How far Stripe's list was read, by Stripe's clock; undefined: never. */
    listedUntil: async (): Promise<Date | undefined> => {
      const [row] = await query<{ until: Date }>(
        'listed-until',
        'select until from billing.listed where account = $1 and livemode = $2',
        [mode.account, mode.livemode],
      );
      return row?.until;
    },

    noteListed: async (until: Date): Promise<void> => {
      await query(
        'note-listed',
        `insert into billing.listed as l (account, livemode, until) values ($1, $2, $3)
         on conflict (account, livemode) do update set until = greatest(l.until, excluded.until)`,
        [mode.account, mode.livemode, until],
      );
    },

    /** How many there are of each state that somebody has to do something about. */
    waiting: (): Promise<{ state: string; n: number }[]> =>
      query(
        'waiting-events',
        `select state, count(*)::integer as n from billing.inbox where state in ('pending', 'parked', 'quarantined')
         group by state`,
        [],
      ),

    /** Forgets what was done so many days ago; what waits for an operator, four times as late; and the turns of killed processes. */
    purge: async (days: number): Promise<void> => {
      await query(
        'purge-inbox',
        `delete from billing.inbox where state <> 'pending' and received_at < now() - make_interval(days =>
           case when state in ('handled', 'ignored', 'skipped') then $1 else 4 * $1 end)`,
        [days],
      );
      await query(
        'purge-calls',
        `delete from billing.calls where state <> 'pending' and asked_at < lease.now() - make_interval(days => $1)`,
        [days],
      );
      await query('purge-turns', `delete from billing.turns where until < lease.now() - interval '1 minute'`, []);
    },
  };
};

export type InboxStore = ReturnType<typeof createInboxStore>;
