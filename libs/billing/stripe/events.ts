import type { StripeConnection } from './connection';

/** Stripe's own list of events, which it keeps for thirty days. */
export const createEvents = ({ call }: StripeConnection) => ({
  /** The JSON of the events from a time on, the newest first, a page at a time. @param since seconds since 1970 */
  events: async function* (since: number): AsyncGenerator<readonly string[]> {
    let after: string | undefined;
    for (;;) {
      const page = await call((stripe) =>
        stripe.events.list({ limit: 100, created: { gte: since }, ...(after && { starting_after: after }) }),
      );
      yield page.data.map((event) => JSON.stringify(event));
      after = page.data.at(-1)?.id;
      if (!page.has_more || after === undefined) return;
    }
  },
});
