import type { Queue } from 'bullmq';
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import { sleep } from '../loops/backoff';
import type { Health } from './health';

const STATES = ['waiting', 'delayed', 'active', 'failed'] as const;
/** ms between two counts of the jobs. */
const INTERVAL_MS = 5_000;

export type Outcome = 'completed' | 'failed';

/** The metrics of jobs, by queue. */
export const createJobMetrics = (registry: Registry) => {
  const done = new Counter({
    name: 'tenantry_jobs_total',
    help: 'Jobs that this process has processed',
    labelNames: ['queue', 'outcome'],
    registers: [registry],
  });
  const seconds = new Histogram({
    name: 'tenantry_job_duration_seconds',
    help: 'Seconds that jobs took in this process',
    labelNames: ['queue'],
    buckets: [0.005, 0.02, 0.1, 0.5, 2, 10, 60],
    registers: [registry],
  });
  const lost = new Counter({
    name: 'tenantry_job_nudges_lost_total',
    help: 'Jobs that could not be queued; the sweeper finds their rows',
    labelNames: ['queue'],
    registers: [registry],
  });
  const present = new Gauge({
    name: 'tenantry_jobs',
    help: 'Number of jobs of all processes',
    labelNames: ['queue', 'state'],
    registers: [registry],
  });

  const countJobs = async (queue: Queue): Promise<void> => {
    const counts = await queue.getJobCounts(...STATES);
    for (const state of STATES) present.set({ queue: queue.name, state }, counts[state] ?? 0);
  };

  return {
    /** @param ms that the job took */
    done: (queue: string, outcome: Outcome, ms: number): void => {
      done.inc({ queue, outcome });
      seconds.observe({ queue }, ms / 1_000);
    },
    lost: (queue: string, count: number): void => {
      lost.inc({ queue }, count);
    },
    /** Counts the jobs of all queues every five seconds, until the signal aborts. Never rejects. */
    watch: async (queues: () => Iterable<Queue>, health: Health, signal: AbortSignal): Promise<void> => {
      while (!signal.aborted) {
        for (const queue of queues()) await countJobs(queue).then(health.worked, health.failed);
        await sleep(INTERVAL_MS, signal);
      }
    },
  };
};

export type JobMetrics = ReturnType<typeof createJobMetrics>;
