/** A queue of wake-ups. A wake-up says that there may be work in a row; the worker that receives it reads the row. */
export interface JobQueue<Data extends object> {
  /**
   * Adds a wake-up. Call it after the row is committed. It never rejects and takes at most two seconds: if the wake-up
   * cannot be added, that is logged and counted, and the sweeper finds the row.
   *
   * If a wake-up with the same id is waiting, the two are merged. If one with the same id is being processed, the new
   * one is processed after it, because the row may have changed since the running handler read it. Delayed wake-ups
   * with the same id are merged only if both are due in the same second.
   */
  add(data: Data, options?: WakeUpOptions): Promise<void>;
  /** {@link add} for many wake-ups, in few round trips. */
  addMany(many: readonly ({ readonly data: Data } & WakeUpOptions)[]): Promise<void>;
}

export interface WakeUpOptions {
  /** Identifies the row. Wake-ups without an id are never merged. */
  readonly id?: string;
  /** ms before a worker may receive it; 0 by default. */
  readonly delayMs?: number;
}

export interface WorkOptions {
  /** The number of jobs that this process handles at the same time. */
  readonly concurrency: number;
  /** ms after which the signal of a job is aborted and the job counts as failed. */
  readonly timeoutMs: number;
}

export type Handler<Data extends object> = (data: Data, signal: AbortSignal) => Promise<void>;

/**
 * Delivers wake-ups between processes. A wake-up may be lost: only the row says what to do, and a sweeper finds each
 * row.
 */
export interface Jobs {
  /**
   * The queue of this name: a letter, then a-z, 0-9 and `-`. All processes that use a name share the queue.
   * @throws Error the name is not valid
   */
  queue<Data extends object>(name: string): JobQueue<Data>;
  /**
   * Calls the handler for each wake-up of the queue from now on. If it rejects, the job is logged, counted and kept for
   * the dashboard. It is not retried: the row stores when to try again. The signal is aborted at the timeout, and when
   * the process stops and the grace period is over.
   */
  work<Data extends object>(name: string, handler: Handler<Data>, options: WorkOptions): void;
  /**
   * Calls `run` every `everyMs` ms of the database's clock, in one of the processes that have this schedule, and never
   * while its last run is in progress. If a process dies during a run, the run is repeated within half a minute. The
   * signal is aborted after 15 minutes, when the process stops and the grace period is over, and when another process
   * takes over the run.
   */
  schedule(name: string, everyMs: number, run: (signal: AbortSignal) => Promise<void>): Promise<void>;
  /** Starts no more handlers, waits for running ones (at most for the grace period), and closes every connection. */
  close(): Promise<void>;
}
