import type { InboxQuery } from './customer-queue';
import type { Mode } from './stripe-event';

/** An event that does not name its customer. */
export interface EventWithoutCustomer extends Mode {
  readonly eventId: string;
  readonly payload: string;
}

/**
 * The pending events of one account and mode whose customer has to be read from Stripe before they can be processed.
 */
export const createEventsWithoutCustomer = (query: InboxQuery, mode: Mode) => ({
  /**
   * Events without a customer. Those that failed before come last; otherwise the order is random, so that no event always
   * comes first.
   */
  withoutCustomer: (limit: number): Promise<EventWithoutCustomer[]> =>
    query<EventWithoutCustomer>(
      'events-without-customer',
      `select account, livemode, event_id as "eventId", payload from billing.inbox
       where state = 'pending' and customer_id is null and account = $1 and livemode = $2
       order by failing_since is not null, random() limit $3`,
      [mode.account, mode.livemode, limit],
    ),

  /**
   * Records that the customer of an event could not be read from Stripe. If this has failed for longer than
   * `patienceMs`, the event is parked.
   * @param reason shown to operators once the event is parked
   * @returns whether the event was parked
   */
  noteCustomerUnknown: async (
    { account, livemode, eventId }: EventWithoutCustomer,
    patienceMs: number,
    reason: string,
  ): Promise<boolean> => {
    const [row] = await query<{ parked: boolean }>(
      'note-customer-unknown',
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

  /**
   * Sets the customer of an event and makes the customer due.
   * @param customerId null: Stripe knows no customer for the event, which is quarantined
   */
  setCustomer: async (
    { account, livemode, eventId }: EventWithoutCustomer,
    customerId: string | null,
  ): Promise<void> => {
    await query('set-customer-of-event', 'select billing.name_event($1, $2, $3, $4)', [
      ...[account, livemode, eventId, customerId],
    ]);
  },
});
