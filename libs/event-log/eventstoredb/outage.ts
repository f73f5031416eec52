import type { Logger } from './options';

/**
 * Says once that subscriptions have broken off, and once that all continue again, however many there are and however often
 * each is tried.
 */
export const createOutage = (logger: Logger) => {
  const broken = new Set<object>();
  return {
    /** @param subscription whatever is the same for one subscription */
    broke: (subscription: object, error: unknown): void => {
      if (broken.size === 0)
        logger.warn({ err: error }, 'EventStoreDB is not available; its subscriptions are tried again');
      broken.add(subscription);
    },
    goesOn: (subscription: object): void => {
      if (broken.delete(subscription) && broken.size === 0)
        logger.info({}, 'EventStoreDB is available again; its subscriptions continue');
    },
    /** It ended, and tells nothing of the others. */
    left: (subscription: object): void => {
      broken.delete(subscription);
    },
  };
};

export type Outage = ReturnType<typeof createOutage>;
