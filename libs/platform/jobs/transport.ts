import type { Job, Queue, QueueOptions, Worker, WorkerOptions } from 'bullmq';

/** The functions that differ between PostgreSQL and Redis. The first queue or worker opens the connections. */
export interface Transport {
  queue(name: string, options: Omit<QueueOptions, 'connection'>): Queue;
  worker(name: string, process: (job: Job) => Promise<void>, options: Omit<WorkerOptions, 'connection'>): Worker;
  /** The names of the queues of all processes. */
  names(): Promise<string[]>;
  /** Corrects times that a process with a fast clock has written. Undefined if the transport stores no such times. */
  heal?(): Promise<void>;
  /** Closes the connections. Call it after the queues and workers are closed. */
  close(): Promise<void>;
}
