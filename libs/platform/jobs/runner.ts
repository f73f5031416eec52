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
  /** The id of the job. */
  readonly job?: string | undefined;
  /** Aborts the run when it aborts. */
  readonly until?: AbortSignal;
}

/** The error without secrets. BullMQ stores it with the failed job, and the dashboard shows it. */
const redacted = (error: unknown): Error => {
  const { name, message, stack } = error instanceof Error ? error : new Error(String(error));
  return Object.assign(new Error(redact(message)), { name, stack: redact(stack ?? message) });
};

/** Runs handlers, each with a signal and a time limit, and keeps track of the running ones. */
export const createRunner = ({ logger, metrics }: RunnerDeps) => {
  const running = new Set<AbortController>();
  let onIdle: (() => void)[] = [];

  /** @throws the error of `work` or the reason of the abort, without secrets */
  const run = async (
    { queue, timeoutMs, job, until }: Run,
    work: (signal: AbortSignal) => Promise<void>,
  ): Promise<void> => {
    const stop = new AbortController();
    const timer = setTimeout(() => stop.abort(new Error(`the job did not end within ${timeoutMs} ms`)), timeoutMs);
    const signal = until ? AbortSignal.any([stop.signal, until]) : stop.signal;
    const aborted = new Promise<never>((_, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason), { once: true });
    });
    const started = performance.now();
    running.add(stop);
    try {
      // Not only `work`: a handler that ignores its signal must not block the queue for ever.
      await Promise.race([work(signal), aborted]);
      metrics.done(queue, 'completed', performance.now() - started);
    } catch (error) {
      metrics.done(queue, 'failed', performance.now() - started);
      logger.warn({ err: error, queue, job }, 'a job failed');
      throw redacted(error);
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
    /** Resolves when no handler is running. */
    idle: (): Promise<void> =>
      new Promise((resolve) => {
        if (running.size === 0) resolve();
        else onIdle = [...onIdle, resolve];
      }),
    /** Aborts all running handlers. */
    abort: (): void => {
      for (const stop of running) stop.abort(new Error('the process is stopping'));
    },
  };
};

export type Runner = ReturnType<typeof createRunner>;
