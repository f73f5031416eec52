import { createChanges } from './stripe/changes';
import { createStripeConnection, type StripeConnectionOptions } from './stripe/connection';
import { createCustomers } from './stripe/customers';
import { createEvents } from './stripe/events';
import { createHostedPages } from './stripe/hosted-pages';

/** Whether a key is one with which money moves. */
export const isLive = (secretKey: string): boolean => !/^(sk|rk)_test_/.test(secretKey);

/** Everything that Stripe is asked, over one connection: where it rests, it rests for all of it. */
export const createStripeGateway = (options: StripeConnectionOptions) => {
  const connection = createStripeConnection(options);
  return {
    isResting: connection.isResting,
    ...createCustomers(connection),
    ...createHostedPages(connection),
    ...createChanges(connection),
    ...createEvents(connection),
  };
};

export type StripeGateway = ReturnType<typeof createStripeGateway>;
