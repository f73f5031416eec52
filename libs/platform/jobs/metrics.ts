import { Counter, Gauge, Histogram, type Registry } from 'prom-client';

/** @param waiting how many jobs wait */
export const createJobMetrics = (registry: Registry, waiting: () => Promise<number>) => {
  const done = new Counter({
    name: 'tenantry_jobs_total',
    help: 'Jobs that ended, by name and outcome.',
    labelNames: ['job', 'outcome'],
    registers: [registry],
  });
  const seconds = new Histogram({
    name: 'tenantry_job_seconds',
    help: 'How long a job took.',
    labelNames: ['job'],
    buckets: [0.005, 0.02, 0.1, 0.5, 2, 10, 60],
    registers: [registry],
  });
  new Gauge({
    name: 'tenantry_jobs_waiting',
    help: 'Jobs that wait for a worker.',
    registers: [registry],
    async collect() {
      this.set(await waiting().catch(() => Number.NaN));
    },
  });
  return {
    start: (job: string) => {
      const stop = seconds.startTimer({ job });
      return (outcome: 'completed' | 'failed'): void => {
        stop();
        done.inc({ job, outcome });
      };
    },
  };
};
