import { createChanges } from './changes';
import { createStripeConnection, type StripeConnectionOptions } from './connection';
import { createCustomers } from './customers';
import { createEvents } from './events';
import { createHostedPages } from './hosted-pages';

/** Whether a secret key belongs to live mode, in which money moves. */
export const isLive = (secretKey: string): boolean => !/^(sk|rk)_test_/.test(secretKey);

/** All requests to Stripe. They share one connection, so that after repeated failures none is sent for a while. */
export const createStripeGateway = (options: StripeConnectionOptions) => {
  const connection = createStripeConnection(options);
  return {
    isPaused: connection.isPaused,
    ...createCustomers(connection),
    ...createHostedPages(connection),
    ...createChanges(connection),
    ...createEvents(connection),
  };
};

export type StripeGateway = ReturnType<typeof createStripeGateway>;
