import type { Pool } from 'pg';
import { withClient } from '../platform/database/pools';
import { DISPUTED, type Mode, type Told } from './told';

/** A customer that one worker looks at. */
export interface Work extends Mode {
  readonly customerId: string;
  /** Proves that nobody else does. */
  readonly lease: string;
  /** How often it failed. */
  readonly attempts: number;
  /** Asked for by us, and not by Stripe. */
  readonly reconcile: boolean;
}

export interface Pending {
  readonly eventId: string;
  readonly type: string;
  /** By Stripe's clock. */
  readonly createdAt: Date;
  /** Of what is not to be had by asking for the customer; else null. */
  readonly payload: string | null;
}

/** An event that does not say whose it is. */
export interface Nameless extends Mode {
  readonly eventId: string;
  readonly payload: string;
}

/** Seconds for which a customer is one worker's: what a killed worker had is another's after them. */
export const LEASE_SECONDS = 10;
/** Events of a customer that are taken together. */
const TOGETHER = 1_000;

/** Takes in, in one statement. @param pool connects as the app role or as the projector */
export const takeIn = async (pool: Pool, many: readonly Told[]): Promise<void> => {
  const column = <K extends keyof Told>(name: K): Told[K][] => many.map((told) => told[name]);
  await withClient(pool, (client) =>
    client.query({
      name: 'take-in',
      text: 'select billing.take_in($1, $2, $3, $4, $5, $6, $7, $8, $9)',
      values: [
        ...[column('account'), column('livemode'), column('eventId'), column('type'), column('customerId')],
        ...[column('createdAt'), column('payload'), column('state'), column('reason')],
      ],
    }),
  );
};

/** What of the inbox is to be done. @param pool connects as the projector */
export const createInboxStore = (pool: Pool) => {
  const query = async <Row>(name: string, text: string, values: unknown[]): Promise<Row[]> =>
    (await withClient(pool, (client) => client.query({ name, text, values }))).rows as Row[];
  return {
    /** Customers that are due, given to this caller alone for {@link LEASE_SECONDS}. */
    claim: (limit: number): Promise<Work[]> =>
      query<Work>(
        'claim-work',
        `select account, livemode, customer_id as "customerId", lease, attempts, reconcile from billing.claim($1, $2)`,
        [limit, LEASE_SECONDS],
      ),

    /** What Stripe has told of a customer, the oldest first. */
    pendingOf: ({ account, livemode, customerId }: Work): Promise<Pending[]> =>
      query<Pending>(
        'pending-of-customer',
        `select event_id as "eventId", type, created_at as "createdAt",
           case when type = '${DISPUTED}' then payload end as payload
         from billing.inbox
         where account = $1 and livemode = $2 and customer_id = $3 and state = 'pending'
         order by created_at, event_id limit ${TOGETHER}`,
        [account, livemode, customerId],
      ),

    /** What was told and does not say of whom, the oldest first. */
    nameless: (limit: number): Promise<Nameless[]> =>
      query<Nameless>(
        'nameless-events',
        `select account, livemode, event_id as "eventId", payload from billing.inbox
         where state = 'pending' and customer_id is null order by received_at limit $1`,
        [limit],
      ),

    /** Says whose it is, so that they are looked at. @param customerId null: nobody's */
    name: async ({ account, livemode, eventId }: Nameless, customerId: string | null): Promise<void> => {
      await query('name-event', 'select billing.name_event($1, $2, $3, $4)', [account, livemode, eventId, customerId]);
    },

    /** The company of a customer; undefined where it is nobody's. */
    tenantOf: async ({ account, livemode, customerId }: Work): Promise<string | undefined> => {
      const [row] = await query<{ id: string }>(
        'tenant-of-customer',
        `select tenant_id as id from billing.customers where account = $1 and livemode = $2 and customer_id = $3`,
        [account, livemode, customerId],
      );
      return row?.id;
    },

    /** @returns false where the lease has passed to somebody else, who does it again */
    finish: async (
      { account, livemode, customerId, lease }: Work,
      events: readonly Pending[],
      state: 'handled' | 'quarantined' | 'parked' = 'handled',
      reason: string | null = null,
    ): Promise<boolean> => {
      const [row] = await query<{ finished: boolean }>(
        'finish-work',
        'select billing.finish($1, $2, $3, $4, $5, $6, $7) as finished',
        [account, livemode, customerId, lease, events.map(({ eventId }) => eventId), state, reason],
      );
      return row?.finished === true;
    },

    putOff: async ({ account, livemode, customerId, lease }: Work, ms: number): Promise<void> => {
      await query('put-off-work', 'select billing.put_off($1, $2, $3, $4, $5)', [
        ...[account, livemode, customerId, lease, Math.round(ms)],
      ]);
    },

    /** The customer is no more: the company's next one is another. */
    forget: async ({ account, livemode, customerId }: Work): Promise<void> => {
      await query(
        'forget-customer',
        `update billing.customers set deleted_at = coalesce(deleted_at, now())
         where account = $1 and livemode = $2 and customer_id = $3`,
        [account, livemode, customerId],
      );
    },

    /** Asks for customers to be compared with Stripe. @param tenantId null: all @returns how many */
    ask: async (tenantId: string | null): Promise<number> => {
      const [row] = await query<{ n: number }>('ask-for-customers', 'select billing.ask($1) as n', [tenantId]);
      return row?.n ?? 0;
    },

    /** When Stripe's newest event was made that we know of; undefined: none is known. */
    newest: async (livemode: boolean): Promise<Date | undefined> => {
      const [row] = await query<{ at: Date | null }>(
        'newest-told',
        `select max(created_at) as at from billing.inbox where livemode = $1 and type <> 'unreadable'`,
        [livemode],
      );
      return row?.at ?? undefined;
    },

    /** Customers that wait to be looked at now. */
    dueCount: async (): Promise<number> => {
      const [row] = await query<{ n: number }>(
        'due-work',
        'select count(*)::integer as n from billing.work where due_at <= now() and (leased_until is null or leased_until <= now())',
        [],
      );
      return row?.n ?? 0;
    },

    /** Forgets what was handled or ignored so many days ago. */
    purge: async (days: number): Promise<void> => {
      await query(
        'purge-inbox',
        `delete from billing.inbox where state in ('handled', 'ignored', 'skipped') and received_at < now() - make_interval(days => $1)`,
        [days],
      );
    },
  };
};

export type InboxStore = ReturnType<typeof createInboxStore>;
