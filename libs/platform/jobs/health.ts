import type { Logger } from '../logging/logger.port';

/** Says once that jobs have a fault, and once that they work again, however many queues and tries find out. */
export const createHealth = (logger: Logger) => {
  let faulty = false;
  return {
    failed: (error: unknown): void => {
      if (!faulty) {
        logger.warn({ err: error }, 'the job queue does not answer; rows wait for it or for the sweeper');
      }
      faulty = true;
    },
    worked: (): void => {
      if (faulty) logger.info({}, 'the job queue answers again');
      faulty = false;
    },
  };
};

export type Health = ReturnType<typeof createHealth>;
