import { AppendOutcomeUnknown, type AppendResult, InvalidAppend, LogUnavailable } from '../../port';
import { streamName } from '../../stream-id';
import type { ValidAppend } from '../../validate-append';

/**
 * What the store says of one append of a batch; an `Error` where it refused this one alone. A batch that fails as a
 * whole throws {@link BatchFailed}.
 */
export type Answer = AppendResult | Error;

/** Why a whole batch came back without answers. */
export class BatchFailed extends Error {
  override readonly name = 'BatchFailed';
  constructor(
    /**
     * `unsent`: it never reached the store. `rolled-back`: the store undid it, and may take it later.
     * `poisoned`: the store undid it because of what is in it. `unknown`: nobody heard the store's answer.
     */
    readonly outcome: 'unsent' | 'rolled-back' | 'poisoned' | 'unknown',
    override readonly cause: unknown,
  ) {
    super(`batch ${outcome}: ${cause instanceof Error ? cause.message : String(cause)}`);
  }
}

export interface AppendQueueOptions {
  /** Sends one batch; appends of a batch are on different streams and of different commands. */
  readonly send: (batch: readonly ValidAppend[]) => Promise<Answer[]>;
  /**
   * Batches under way at once, asked before each. The store serialises them: the second one waits there instead of here.
   */
  readonly inFlight: () => number;
  readonly maxBatch: number;
  readonly maxBatchBytes: number;
  /** Appends that may wait; further ones are refused at once with `LogUnavailable`. */
  readonly maxWaiting: number;
  /** How long an append may take in all, in ms, retries included. */
  readonly deadlineMs: number;
  /** Called after a batch wrote something. */
  readonly onWritten: () => void;
  /** ms to wait before the attempt after the n-th (from 1) failed one. */
  readonly backoffMs: (failed: number) => number;
}

interface Waiting {
  readonly append: ValidAppend;
  readonly stream: string;
  readonly deadline: number;
  readonly resolve: (result: AppendResult) => void;
  readonly reject: (error: Error) => void;
  /** True once a batch with it has been sent and its answer was lost. */
  maybeWritten: boolean;
}

/**
 * Combines the appends of all callers: while one batch commits, the next one gathers. Each caller gets its own answer;
 * nobody's conflict or bad data fails another's append.
 */
export const createAppendQueue = (options: AppendQueueOptions) => {
  const waiting: Waiting[] = [];
  let under = 0;
  let failures = 0;
  let scheduled = false;
  let lastSize = 0;
  let closed = false;
  let idle: (() => void) | undefined;

  /** The oldest appends that fit in one batch. A stream or command that is in it already waits for the next one. */
  const takeBatch = (): Waiting[] => {
    const batch: Waiting[] = [];
    const left: Waiting[] = [];
    const taken = new Set<string>();
    let bytes = 0;
    let at = 0;
    for (; at < waiting.length && batch.length < options.maxBatch && bytes < options.maxBatchBytes; at++) {
      const one = waiting[at] as Waiting;
      const { commandId } = one.append.append;
      if (taken.has(one.stream) || taken.has(commandId)) {
        left.push(one);
        continue;
      }
      taken.add(one.stream).add(commandId);
      bytes += one.append.bytes;
      batch.push(one);
    }
    waiting.splice(0, at, ...left);
    return batch;
  };

  const giveUp = (one: Waiting, cause: unknown): void =>
    one.reject(
      one.maybeWritten
        ? new AppendOutcomeUnknown('the answer was lost and could not be re-read in time', { cause })
        : new LogUnavailable('the log took no appends in time', { cause }),
    );

  /** Puts what may be tried again in front of the queue; what ran out of time is answered now. */
  const again = (batch: Waiting[], cause: unknown): void => {
    const now = Date.now();
    const rest: Waiting[] = [];
    for (const one of batch) {
      if (now < one.deadline && !closed) rest.push(one);
      else giveUp(one, cause);
    }
    waiting.unshift(...rest);
  };

  const settle = (batch: Waiting[], answers: Answer[]): void => {
    let written = false;
    batch.forEach((one, place) => {
      const answer = answers[place];
      if (answer === undefined || answer instanceof Error)
        one.reject(answer ?? new AppendOutcomeUnknown('the store left this append without an answer'));
      else {
        written ||= !answer.repeated;
        one.resolve(answer);
      }
    });
    if (written) options.onWritten();
  };

  const failed = async (batch: Waiting[], error: unknown): Promise<void> => {
    const outcome = error instanceof BatchFailed ? error.outcome : 'unknown';
    if (outcome === 'poisoned') {
      const [only] = batch;
      if (batch.length === 1 && only)
        return only.reject(new InvalidAppend('the store refuses this data', { cause: error }));
      // The poison is in one half or the other; each half stands for itself.
      const half = batch.length >> 1;
      await deliver(batch.slice(0, half));
      await deliver(batch.slice(half));
      return;
    }
    if (outcome === 'unknown') for (const one of batch) one.maybeWritten = true;
    failures += 1;
    await new Promise((resolve) => setTimeout(resolve, options.backoffMs(failures)));
    // Sending the same commands again is the re-read: under the log's lock, the store answers with what it has.
    again(batch, error);
  };

  const deliver = async (batch: Waiting[]): Promise<void> => {
    try {
      const answers = await options.send(batch.map((one) => one.append));
      failures = 0;
      settle(batch, answers);
    } catch (error) {
      await failed(batch, error);
    }
  };

  const pump = (): void => {
    scheduled = false;
    while (waiting.length > 0 && under < options.inFlight()) {
      const batch = takeBatch();
      lastSize = batch.length;
      under += 1;
      void deliver(batch).finally(() => {
        under -= 1;
        if (options.inFlight() > 1) return pump();
        // Anyone who was just answered may have more: it shall not miss the only batch that goes.
        scheduled = true;
        setImmediate(pump);
      });
    }
    if (under === 0 && waiting.length === 0) idle?.();
  };

  return {
    add: (append: ValidAppend): Promise<AppendResult> =>
      new Promise((resolve, reject) => {
        if (closed) return reject(new LogUnavailable('the log is closed'));
        if (waiting.length >= options.maxWaiting) return reject(new LogUnavailable('too many appends are waiting'));
        const stream = streamName(append.append.stream);
        const deadline = Date.now() + options.deadlineMs;
        waiting.push({ append, stream, deadline, resolve, reject, maybeWritten: false });
        if (scheduled || under >= options.inFlight()) return;
        // Appends that callers make in one turn of the event loop share a batch. Where they come one by one, there is
        // nothing to wait for.
        if (under === 0 && lastSize <= 1) return pump();
        scheduled = true;
        setImmediate(pump);
      }),

    /** Refuses what comes from now on and resolves when nothing waits or is under way. */
    drain: (): Promise<void> => {
      closed = true;
      if (under === 0 && waiting.length === 0) return Promise.resolve();
      return new Promise((resolve) => {
        idle = resolve;
      });
    },
  };
};

export type AppendQueue = ReturnType<typeof createAppendQueue>;
