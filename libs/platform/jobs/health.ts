import type { Logger } from '../logging/logger.port';

/**
 * Logs once that the server of the jobs fails, and once that it works again, however many queues and attempts notice.
 */
export const createHealth = (logger: Logger) => {
  let isFailing = false;
  return {
    failed: (error: unknown): void => {
      if (!isFailing) {
        logger.warn({ err: error }, 'the job queue does not answer; until it does, only the sweeper processes rows');
      }
      isFailing = true;
    },
    worked: (): void => {
      if (isFailing) logger.info({}, 'the job queue answers again');
      isFailing = false;
    },
  };
};

export type Health = ReturnType<typeof createHealth>;
