import type { Job } from 'bullmq';
import type { Logger } from '../logger.port';
import { redact } from '../logging';
import type { JobMetrics } from './metrics';
import type { Handler } from './port';

export interface RunnerParts {
  readonly logger: Logger;
  readonly metrics: JobMetrics;
}

/** What a failed job keeps: the dashboard shows it, so it is written as carefully as a line of the log. */
const kept = (error: unknown): Error => {
  const { name, message, stack } = error instanceof Error ? error : new Error(String(error));
  return Object.assign(new Error(redact(message)), { name, stack: redact(stack ?? message) });
};

/** Runs handlers, each with a signal and for a bounded time, and knows which are under way. */
export const createRunner = ({ logger, metrics }: RunnerParts) => {
  const running = new Set<AbortController>();

  const run = async (signal: AbortSignal, work: (signal: AbortSignal) => Promise<void>): Promise<void> => {
    const aborted = new Promise<never>((_, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason), { once: true });
    });
    // One that takes no notice of its signal must not hold the queue up for ever.
    await Promise.race([work(signal), aborted]);
  };

  return {
    /** The function that BullMQ calls for each job of the queue. */
    processor:
      <Data extends object>(queue: string, handler: Handler<Data>, timeoutMs: number) =>
      async (job: Job): Promise<void> => {
        const stop = new AbortController();
        const timer = setTimeout(() => stop.abort(new Error(`not done after ${timeoutMs} ms`)), timeoutMs);
        const started = performance.now();
        running.add(stop);
        try {
          await run(stop.signal, (signal) => handler(job.data as Data, signal));
          metrics.done(queue, 'completed', performance.now() - started);
        } catch (error) {
          metrics.done(queue, 'failed', performance.now() - started);
          logger.warn({ err: error, queue, job: job.id }, 'a job failed');
          throw kept(error);
        } finally {
          clearTimeout(timer);
          running.delete(stop);
        }
      },
    /** Aborts what is under way. */
    abort: (): void => {
      for (const stop of running) stop.abort(new Error('the process stops'));
    },
  };
};
