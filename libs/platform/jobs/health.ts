import type { Logger } from '../logger.port';

/** Says once that jobs have a fault, and once that they work again, however many queues and tries find out. */
export const createHealth = (logger: Logger) => {
  let faulty = false;
  return {
    failed: (error: unknown): void => {
      if (!faulty) {
        logger.warn({ err: error }, 'jobs are not carried at present, rows wait for them or for the sweeper');
      }
      faulty = true;
    },
    worked: (): void => {
      if (faulty) logger.info({}, 'jobs are carried again');
      faulty = false;
    },
  };
};

export type Health = ReturnType<typeof createHealth>;
