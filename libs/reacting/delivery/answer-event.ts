import type { RecordedEvent } from '#event-log/port';
import { failpoint } from '#platform/failpoints';
import { backoff } from '#platform/loops/backoff';
import { reasonOf } from '#projecting/fold/fold';
import type { CompleteOptions } from '../options';
import type { Reaction } from '../reaction';
import type { Task } from './partitions';
import { isRetryable, withDeadline } from './retryable-failure';

/** The failpoint between the effect of an answer and the move of the checkpoint. */
export const answeredFailpoint = (reaction: string): string => `answered-${reaction}`;

/** One event to answer, and the calls that report the progress. */
export interface Answer {
  readonly event: RecordedEvent;
  /** Failures after which the event is parked. */
  readonly attempts: number;
  /** Called before the first attempt. */
  readonly onBegun?: () => void;
  readonly onAnswered: () => Promise<void>;
  readonly onParked: (error: string, failures: number) => Promise<void>;
}

/**
 * A task that answers one event. It is tried again without limit while a dependency is not available; after `attempts`
 * other failures the event is parked. Between two attempts only its partition waits.
 */
export const answerTask = (
  reaction: Reaction,
  { event, attempts, onBegun, onAnswered, onParked }: Answer,
  { logger, attemptMs, firstRetryMs }: Pick<CompleteOptions, 'logger' | 'attemptMs' | 'firstRetryMs'>,
  signal: AbortSignal,
): Task => {
  let [attempt, failures] = [0, 0];
  return async () => {
    attempt += 1;
    if (attempt === 1) onBegun?.();
    try {
      await withDeadline(attemptMs, reaction.react(event, signal));
    } catch (error) {
      if (signal.aborted) return undefined;
      if (!isRetryable(error)) failures += 1;
      const fields = { err: error, reaction: reaction.name, eventId: event.id, type: event.type };
      if (failures >= attempts) {
        await onParked(reasonOf(error), failures);
        logger.error(fields, 'the reaction to an event failed; the event is parked');
        return undefined;
      }
      logger.warn(fields, 'the reaction to an event failed; it is tried again');
      return backoff(attempt, { firstMs: firstRetryMs, maxMs: 50 * firstRetryMs });
    }
    failpoint(answeredFailpoint(reaction.name));
    await onAnswered();
    return undefined;
  };
};
