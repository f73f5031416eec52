import { AppendOutcomeUnknown, type AppendResult, InvalidAppend, LogUnavailable } from '../../port';
import { streamName } from '../../stream-id';
import type { ValidAppend } from '../../validate-append';

/**
 * The store's answer to one append of a batch; an `Error` if the store refused only this append. A batch that fails as
 * a whole throws {@link BatchFailed}.
 */
export type Answer = AppendResult | Error;

/** A whole batch failed, so its appends have no answers. */
export class BatchFailed extends Error {
  override readonly name = 'BatchFailed';
  constructor(
    /**
     * `unsent`: the batch never reached the store. `rolled-back`: the store rolled it back, and a later attempt may
     * succeed. `poisoned`: the store rolled it back because of its data. `unknown`: the answer of the store was lost.
     */
    readonly outcome: 'unsent' | 'rolled-back' | 'poisoned' | 'unknown',
    override readonly cause: unknown,
  ) {
    super(`batch ${outcome}: ${cause instanceof Error ? cause.message : String(cause)}`);
  }
}

export interface AppendQueueOptions {
  /** Sends one batch. All appends of a batch are to different streams and of different commands. */
  readonly send: (batch: readonly ValidAppend[]) => Promise<Answer[]>;
  /**
   * Returns the maximum number of batches in progress; called before each batch. The store serialises batches, so a
   * second batch waits in the store instead of here.
   */
  readonly inFlight: () => number;
  readonly maxBatch: number;
  readonly maxBatchBytes: number;
  /** The maximum number of appends that wait; further appends are refused at once with `LogUnavailable`. */
  readonly maxWaiting: number;
  /** The longest time that an append may take, in ms, retries included. */
  readonly deadlineMs: number;
  /** Called after a batch that wrote at least one append. */
  readonly onWritten: () => void;
  /** ms to wait after the n-th (from 1) failed attempt in a row. */
  readonly backoffMs: (handleFailure: number) => number;
}

interface Waiting {
  readonly append: ValidAppend;
  readonly stream: string;
  readonly deadline: number;
  readonly resolve: (result: AppendResult) => void;
  readonly reject: (error: Error) => void;
  /** True after the answer to a batch with this append was lost. */
  maybeWritten: boolean;
}

/**
 * Combines the appends of all callers into batches: while one batch is committed, further appends wait for the next
 * one. Each caller receives the answer to its own append; a conflict or invalid data of one append does not fail
 * another.
 */
export const createAppendQueue = (options: AppendQueueOptions) => {
  const waiting: Waiting[] = [];
  let inProgress = 0;
  let failures = 0;
  let scheduled = false;
  let lastSize = 0;
  let closed = false;
  let idle: (() => void) | undefined;

  /** The oldest appends that fit in one batch. A second append to a stream or of a command waits for the next batch. */
  const nextBatch = (): Waiting[] => {
    const batch: Waiting[] = [];
    const skipped: Waiting[] = [];
    const included = new Set<string>();
    let bytes = 0;
    let at = 0;
    for (; at < waiting.length && batch.length < options.maxBatch && bytes < options.maxBatchBytes; at++) {
      const item = waiting[at] as Waiting;
      const { commandId } = item.append.append;
      if (included.has(item.stream) || included.has(commandId)) {
        skipped.push(item);
        continue;
      }
      included.add(item.stream).add(commandId);
      bytes += item.append.bytes;
      batch.push(item);
    }
    waiting.splice(0, at, ...skipped);
    return batch;
  };

  const failAtDeadline = (item: Waiting, cause: unknown): void =>
    item.reject(
      item.maybeWritten
        ? new AppendOutcomeUnknown('the answer of the log was lost, and the outcome could not be determined in time', {
            cause,
          })
        : new LogUnavailable('the log accepted no appends in time', { cause }),
    );

  /** Puts appends at the front of the queue to send them again; those beyond their deadline are rejected. */
  const requeue = (batch: Waiting[], cause: unknown): void => {
    const now = Date.now();
    const retried: Waiting[] = [];
    for (const item of batch) {
      if (now < item.deadline && !closed) retried.push(item);
      else failAtDeadline(item, cause);
    }
    waiting.unshift(...retried);
  };

  const settle = (batch: Waiting[], answers: Answer[]): void => {
    let written = false;
    batch.forEach((item, place) => {
      const answer = answers[place];
      if (answer === undefined || answer instanceof Error)
        item.reject(answer ?? new AppendOutcomeUnknown('the store left this append without an answer'));
      else {
        written ||= !answer.repeated;
        item.resolve(answer);
      }
    });
    if (written) options.onWritten();
  };

  const handleFailure = async (batch: Waiting[], error: unknown): Promise<void> => {
    const outcome = error instanceof BatchFailed ? error.outcome : 'unknown';
    if (outcome === 'poisoned') {
      const [only] = batch;
      if (batch.length === 1 && only)
        return only.reject(new InvalidAppend('the store refuses this data', { cause: error }));
      // At least one append of the batch is invalid. Each half is sent as a batch, until the invalid one is found.
      const half = batch.length >> 1;
      await deliver(batch.slice(0, half));
      await deliver(batch.slice(half));
      return;
    }
    if (outcome === 'unknown') for (const item of batch) item.maybeWritten = true;
    failures += 1;
    await new Promise((resolve) => setTimeout(resolve, options.backoffMs(failures)));
    // A repeat also finds out the outcome: under the log's lock, the store answers a known command with its result.
    requeue(batch, error);
  };

  const deliver = async (batch: Waiting[]): Promise<void> => {
    try {
      const answers = await options.send(batch.map((item) => item.append));
      failures = 0;
      settle(batch, answers);
    } catch (error) {
      await handleFailure(batch, error);
    }
  };

  const sendNext = (): void => {
    scheduled = false;
    while (waiting.length > 0 && inProgress < options.inFlight()) {
      const batch = nextBatch();
      lastSize = batch.length;
      inProgress += 1;
      void deliver(batch).finally(() => {
        inProgress -= 1;
        if (options.inFlight() > 1) return sendNext();
        // Callers that were just answered may append more. They get the chance to join the only batch that is sent.
        scheduled = true;
        setImmediate(sendNext);
      });
    }
    if (inProgress === 0 && waiting.length === 0) idle?.();
  };

  return {
    add: (append: ValidAppend): Promise<AppendResult> =>
      new Promise((resolve, reject) => {
        if (closed) return reject(new LogUnavailable('the log is closed'));
        if (waiting.length >= options.maxWaiting) return reject(new LogUnavailable('too many appends are waiting'));
        const stream = streamName(append.append.stream);
        const deadline = Date.now() + options.deadlineMs;
        waiting.push({ append, stream, deadline, resolve, reject, maybeWritten: false });
        if (scheduled || inProgress >= options.inFlight()) return;
        // Appends of one turn of the event loop share a batch. If appends arrive one by one, there is no reason to
        // wait.
        if (inProgress === 0 && lastSize <= 1) return sendNext();
        scheduled = true;
        setImmediate(sendNext);
      }),

    /** Refuses every further append, and resolves when no append waits or is in progress. */
    drain: (): Promise<void> => {
      closed = true;
      if (inProgress === 0 && waiting.length === 0) return Promise.resolve();
      return new Promise((resolve) => {
        idle = resolve;
      });
    },
  };
};

export type AppendQueue = ReturnType<typeof createAppendQueue>;
