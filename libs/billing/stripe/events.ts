import type { StripeConnection } from './connection';

/** Stripe's own list of what it told. */
export const createEvents = ({ call }: StripeConnection) => ({
  /** Events since then, the newest first, a page at a time. @param since seconds */
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
