import type { Job } from 'bullmq';
import type { Logger } from '../logging/logger.port';
import { redact } from '../logging/logging';
import type { JobMetrics } from './metrics';
import type { Handler } from './port';

export interface RunnerDeps {
  readonly logger: Logger;
  readonly metrics: JobMetrics;
}

export interface Run {
  readonly queue: string;
  readonly timeoutMs: number;
  readonly job?: string | undefined;
  /** Ends the run, too. */
  readonly until?: AbortSignal;
}

/** What a failed job keeps: the dashboard shows it, so it is written as carefully as a line of the log. */
const kept = (error: unknown): Error => {
  const { name, message, stack } = error instanceof Error ? error : new Error(String(error));
  return Object.assign(new Error(redact(message)), { name, stack: redact(stack ?? message) });
};

/** Runs handlers, each with a signal and for a bounded time, and knows which are under way. */
export const createRunner = ({ logger, metrics }: RunnerDeps) => {
  const running = new Set<AbortController>();
  let onIdle: (() => void)[] = [];

  /** @throws what `work` throws, redacted, or that it was ended */
  const run = async (
    { queue, timeoutMs, job, until }: Run,
    work: (signal: AbortSignal) => Promise<void>,
  ): Promise<void> => {
    const stop = new AbortController();
    const timer = setTimeout(() => stop.abort(new Error(`not done after ${timeoutMs} ms`)), timeoutMs);
    const signal = until ? AbortSignal.any([stop.signal, until]) : stop.signal;
    const aborted = new Promise<never>((_, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason), { once: true });
    });
    const started = performance.now();
    running.add(stop);
    try {
      // One that takes no notice of its signal must not hold the queue up for ever.
      await Promise.race([work(signal), aborted]);
      metrics.done(queue, 'completed', performance.now() - started);
    } catch (error) {
      metrics.done(queue, 'failed', performance.now() - started);
      logger.warn({ err: error, queue, job }, 'a job failed');
      throw kept(error);
    } finally {
      clearTimeout(timer);
      running.delete(stop);
      if (running.size === 0) for (const resolve of onIdle.splice(0)) resolve();
    }
  };

  return {
    run,
    /** The function that BullMQ calls for each job of the queue. */
    processor:
      <Data extends object>(queue: string, handler: Handler<Data>, timeoutMs: number) =>
      (job: Job): Promise<void> =>
        run({ queue, timeoutMs, job: job.id }, (signal) => handler(job.data as Data, signal)),
    /** Resolves when nothing is under way. */
    idle: (): Promise<void> =>
      new Promise((resolve) => {
        if (running.size === 0) resolve();
        else onIdle = [...onIdle, resolve];
      }),
    /** Aborts what is under way. */
    abort: (): void => {
      for (const stop of running) stop.abort(new Error('the process stops'));
    },
  };
};

export type Runner = ReturnType<typeof createRunner>;
