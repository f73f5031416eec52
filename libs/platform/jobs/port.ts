/** A queue of nudges: each says that there may be work, in a row that the worker who takes the nudge has to look at. */
export interface JobQueue<Data extends object> {
  /**
   * Nudges, once the row is committed. Never rejects and takes at most two seconds: a nudge that could not be given is
   * logged, and the sweeper finds its row.
   *
   * One with the same id that waits already is the same nudge. One that came while a nudge with its id was being
   * worked on is worked on after it: its row may be younger than what the running one has read. A delayed nudge is the
   * same as another only where both are due in the same second.
   */
  add(data: Data, options?: WakeUpOptions): Promise<void>;
  /** As {@link add} for each, in few round trips. */
  addMany(many: readonly ({ readonly data: Data } & WakeUpOptions)[]): Promise<void>;
}

export interface WakeUpOptions {
  /** What the nudge is about. Without one each is worked on. */
  readonly id?: string;
  /** ms before anyone takes it. */
  readonly delayMs?: number;
}

export interface WorkOptions {
  /** Jobs at the same time in this process. */
  readonly concurrency: number;
  /** ms after which the signal is aborted and the job counts as failed. */
  readonly timeoutMs: number;
}

export type Handler<Data extends object> = (data: Data, signal: AbortSignal) => Promise<void>;

/** Carries nudges between processes. The row that a nudge is about is the truth, and finding forgotten rows its own. */
export interface Jobs {
  /** Names are words of a-z, 0-9 and `-`. The same queue for the same name. */
  queue<Data extends object>(name: string): JobQueue<Data>;
  /**
   * Takes nudges of the queue from now on. A handler that rejects is logged, counted and kept for the dashboard, and
   * not called again: when to try again stands in the row. The signal is aborted at the timeout, and when the process
   * stops and the grace is over.
   */
  work<Data extends object>(name: string, handler: Handler<Data>, options: WorkOptions): void;
  /**
   * Runs every `everyMs`, by the database's clock, in one of the processes that schedule it, and never while the last run
   * is under way. A run that its process did not survive is run again within half a minute. The signal is aborted, too, where
   * another process has taken the run over.
   */
  schedule(name: string, everyMs: number, run: (signal: AbortSignal) => Promise<void>): Promise<void>;
  /** Takes nothing new, waits for what runs (the grace at most), closes every connection. */
  close(): Promise<void>;
}
