import type { Logger } from './options';

/**
 * Logs once when subscriptions fail, and once when all of them continue, however many there are and however often each
 * is tried again.
 */
export const createOutage = (logger: Logger) => {
  const failing = new Set<object>();
  return {
    /** @param subscription an object that identifies the subscription */
    failed: (subscription: object, error: unknown): void => {
      if (failing.size === 0)
        logger.warn({ err: error }, 'EventStoreDB is not available; its subscriptions are tried again');
      failing.add(subscription);
    },
    resumed: (subscription: object): void => {
      if (failing.delete(subscription) && failing.size === 0)
        logger.info({}, 'EventStoreDB is available again; its subscriptions continue');
    },
    /** The consumer ended the subscription, which proves nothing about the server. */
    ended: (subscription: object): void => {
      failing.delete(subscription);
    },
  };
};

export type Outage = ReturnType<typeof createOutage>;
