import { createChanges } from './changes';
import { createStripeConnection, type StripeConnectionOptions } from './connection';
import { createCustomers } from './customers';
import { createEvents } from './events';
import { createHostedPages } from './hosted-pages';

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
