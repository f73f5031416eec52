import type { Job, Queue, QueueOptions, Worker, WorkerOptions } from 'bullmq';

/** What differs between PostgreSQL and Redis. Opens connections with the first queue or worker, and not before. */
export interface Transport {
  queue(name: string, options: Omit<QueueOptions, 'connection'>): Queue;
  worker(name: string, process: (job: Job) => Promise<void>, options: Omit<WorkerOptions, 'connection'>): Worker;
  /** Names of the queues that there are, of all processes. */
  names(): Promise<string[]>;
  /** Takes back what a process has written whose clock was ahead; left out where clocks of processes have no part. */
  heal?(): Promise<void>;
  /** After queues and workers are closed. */
  close(): Promise<void>;
}
