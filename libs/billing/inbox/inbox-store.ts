import type { Pool } from 'pg';
import { withClient } from '#platform/database/connections/pools';
import { createCustomerQueue, type InboxQuery, type Via } from './customer-queue';
import { createEventsWithoutCustomer } from './events-without-customer';
import type { Mode, StripeEvent } from './stripe-event';

/**
 * Stores events, all in one statement. Events that are stored already change nothing. The customers of pending events
 * become due.
 * @param pool connects as the app role or as the projector
 */
export const storeEvents = async (pool: Pool, events: readonly StripeEvent[], via: Via): Promise<void> => {
  const column = <K extends keyof StripeEvent>(name: K): StripeEvent[K][] => events.map((event) => event[name]);
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

/**
 * The inbox of one account and mode, and the customers to process because of it.
 * @param pool connects as the projector
 */
export const createInboxStore = (pool: Pool, mode: Mode) => {
  const query: InboxQuery = async <Row>(name: string, text: string, values: unknown[]): Promise<Row[]> =>
    (await withClient(pool, (client) => client.query({ name, text, values }))).rows as Row[];
  return {
    ...createCustomerQueue(query, mode),
    ...createEventsWithoutCustomer(query, mode),

    /** Requests that the customers of one tenant, or of all (null), are compared with Stripe. @returns their number */
    requestReconciliation: async (tenantId: string | null): Promise<number> => {
      const [row] = await query<{ n: number }>('request-reconciliation', 'select billing.ask($1, $2, $3) as n', [
        ...[mode.account, mode.livemode, tenantId],
      ]);
      return row?.n ?? 0;
    },

    /** The time of the newest stored event of this account, by Stripe's clock; undefined: no event is stored. */
    newestEventTime: async (): Promise<Date | undefined> => {
      const [row] = await query<{ at: Date | null }>(
        'newest-event-time',
        `select max(created_at) as at from billing.inbox where account = $1 and livemode = $2 and type <> 'unreadable'`,
        [mode.account, mode.livemode],
      );
      return row?.at ?? undefined;
    },

    /** The time up to which Stripe's list of events was read, by Stripe's clock; undefined: it was never read. */
    listedUntil: async (): Promise<Date | undefined> => {
      const [row] = await query<{ until: Date }>(
        'listed-until',
        'select until from billing.listed where account = $1 and livemode = $2',
        [mode.account, mode.livemode],
      );
      return row?.until;
    },

    /**
     * Records that Stripe's list of events was read up to a time. An earlier time than the recorded one changes
     * nothing.
     */
    noteListed: async (until: Date): Promise<void> => {
      await query(
        'note-listed',
        `insert into billing.listed as l (account, livemode, until) values ($1, $2, $3)
         on conflict (account, livemode) do update set until = greatest(l.until, excluded.until)`,
        [mode.account, mode.livemode, until],
      );
    },

    /**
     * The number of events in each state that needs work: pending, parked and quarantined. States without events are
     * left out.
     */
    openCounts: (): Promise<{ state: string; n: number }[]> =>
      query(
        'count-open-events',
        `select state, count(*)::integer as n from billing.inbox where state in ('pending', 'parked', 'quarantined')
         group by state`,
        [],
      ),

    /**
     * Deletes finished events that were received more than `days` days ago, events that wait for an operator after four
     * times as many days, finished requests to Stripe that are older than `days` days, and the leases of killed
     * processes. Pending events and requests are kept.
     */
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
      await query(
        'purge-tenant-leases',
        `delete from billing.turns where until < lease.now() - interval '1 minute'`,
        [],
      );
    },
  };
};

export type InboxStore = ReturnType<typeof createInboxStore>;
