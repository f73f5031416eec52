import type { CommandContext } from '#domain/command';
import { failpoint } from '#platform/failpoints';
import { uuidv5 } from '#platform/ids/uuid';
import { forEachIsolated } from '#platform/loops/for-each-isolated';

/** Seconds without an attempt after which a saga counts as interrupted. */
const INTERRUPTED_AFTER_SECONDS = 15;
/** The maximum number of sagas that one sweep continues. */
const SWEEP_LIMIT = 50;
/**
 * Hours that the row of a completed saga is kept: twice as long as an idempotency key, so that a repeated request finds
 * its result, and longer than an access token can be valid, so that an erased user stays known until the last one
 * expires.
 */
const KEPT_HOURS = 48;

/** The columns that the row of every saga has. */
export interface SagaClaim {
  /** Identifies the row. */
  readonly userId: string;
  /** UUID of the command that began the saga. The command ids of its appends are derived from it. */
  readonly commandId: string;
  readonly correlationId: string;
  /** The access record of the request that began the saga; null: it is not known. */
  readonly accessId: string | null;
}

/** The rows of a saga. A row is written by the request, before {@link runSaga} appends anything. */
export interface SagaStore<Claim extends SagaClaim, Completion> {
  /** Marks the saga as completed, and makes its result visible. Has no effect on a completed saga. */
  complete(userId: string): Promise<Completion>;
  /** Deletes the claim, as if it had not been made. Absent if no rule can refuse the first fact. */
  release?(userId: string): Promise<void>;
  /** Sagas without an attempt for `olderSeconds`. Each is returned to one caller at a time. At most `limit`. */
  takeUnfinished(olderSeconds: number, limit: number): Promise<readonly Claim[]>;
  /** Deletes what is left of sagas that were completed more than `olderHours` ago. */
  purge(olderHours: number): Promise<void>;
}

/** Where a test may kill the process: after the claim, after each of the two facts, and after the completion. */
export type SagaFailpoints = readonly [claimed: string, firstAppended: string, lastAppended: string, completed: string];

/** The parts that differ between sagas. The common parts are in {@link runSaga} and {@link sweepSaga}. */
export interface Saga<Claim extends SagaClaim, LastPosition, Completion> {
  /** Its name in errors, in the plural, such as `sign-ups`. */
  readonly plural: string;
  readonly failpoints: SagaFailpoints;
  readonly store: SagaStore<Claim, Completion>;
  /**
   * Appends the first fact, unless it was appended before. Only this fact may be refused by a rule.
   * @returns undefined when the fact is in the log; the error for the caller if a rule refused it
   */
  appendFirst(claim: Claim): Promise<Error | undefined>;
  /**
   * Appends the last fact, unless it was appended before.
   * @returns its position. It is higher than the position of the first fact, also if another process appended that one
   */
  appendLast(claim: Claim): Promise<LastPosition>;
}

export interface CompletedSaga<Claimed extends SagaClaim, LastPosition, Completion> {
  readonly claim: Claimed;
  readonly position: LastPosition;
  readonly completion: Completion;
}

/**
 * The context of one append. Every process that continues the saga derives the same command id, so that the log
 * recognises a repeated append.
 * @param step unique among the appends of the saga
 */
export const contextOfStep = (
  { userId, commandId, correlationId, accessId }: SagaClaim,
  step: string,
): CommandContext => ({
  commandId: uuidv5(commandId, step),
  actor: { kind: 'user', id: userId },
  correlationId,
  ...(accessId !== null && { accessId }),
});

type Outcome<LastPosition, Completion> =
  | { readonly refusal: Error }
  | { readonly refusal?: undefined; readonly position: LastPosition; readonly completion: Completion };

/** Continues a saga from its claim. It may be repeated from any point, also by two processes at once. */
const continueSaga = async <Claim extends SagaClaim, LastPosition, Completion>(
  saga: Saga<Claim, LastPosition, Completion>,
  claim: Claim,
): Promise<Outcome<LastPosition, Completion>> => {
  const [claimed, firstAppended, lastAppended, completed] = saga.failpoints;
  failpoint(claimed);
  const refusal = await saga.appendFirst(claim);
  if (refusal) {
    await saga.store.release?.(claim.userId);
    return { refusal };
  }
  failpoint(firstAppended);
  const position = await saga.appendLast(claim);
  failpoint(lastAppended);
  const completion = await saga.store.complete(claim.userId);
  failpoint(completed);
  return { position, completion };
};

/**
 * Runs a saga for a request: claims, appends both facts, completes. If the process is killed in between, the same
 * request or {@link sweepSaga} continues from the claim.
 * @param claimRow writes the row with all ids in one transaction, or finds the row that the same command wrote before;
 *   resolves to undefined if the claim is impossible, for example because another request holds it
 * @returns undefined if `claimRow` resolves to undefined
 * @throws the refusal of the first fact, after the claim was released; what the appends and the store throw, in which
 *   case the claim stays
 */
export const runSaga = async <Claim extends SagaClaim, Claimed extends Claim, LastPosition, Completion>(
  saga: Saga<Claim, LastPosition, Completion>,
  claimRow: () => Promise<Claimed | undefined>,
): Promise<CompletedSaga<Claimed, LastPosition, Completion> | undefined> => {
  const claim = await claimRow();
  if (!claim) return undefined;
  const outcome = await continueSaga(saga, claim);
  if (outcome.refusal) throw outcome.refusal;
  return { claim, position: outcome.position, completion: outcome.completion };
};

/** The result of one sweep. */
export interface Swept {
  readonly completed: number;
  /** Sagas whose first fact was refused: their claims are released. */
  readonly released: number;
}

/**
 * Continues sagas that were interrupted, at most 50, then deletes old rows. A saga that fails does not keep the others
 * from being completed; a later sweep tries it again.
 * @param saga its store connects as the projector
 * @param olderSeconds without an attempt; 15 by default
 * @throws AggregateError with the errors of the sagas that failed
 */
export const sweepSaga = async <Claim extends SagaClaim, LastPosition, Completion>(
  saga: Saga<Claim, LastPosition, Completion>,
  olderSeconds = INTERRUPTED_AFTER_SECONDS,
): Promise<Swept> => {
  const failures: unknown[] = [];
  let [completed, released] = [0, 0];
  await forEachIsolated(
    await saga.store.takeUnfinished(olderSeconds, SWEEP_LIMIT),
    async (claim) => {
      const { refusal } = await continueSaga(saga, claim);
      if (refusal) released += 1;
      else completed += 1;
    },
    (error) => failures.push(error),
  );
  await saga.store.purge(KEPT_HOURS);
  if (failures.length > 0)
    throw new AggregateError(failures, `${failures.length} ${saga.plural} could not be completed`);
  return { completed, released };
};
