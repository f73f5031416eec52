import type { RecordedEvent } from '#event-log/port';
import { failpoint } from '#platform/failpoints';
import { backoff } from '#platform/loops/backoff';
import { reasonOf } from '#projecting/fold/fold';
import type { Settled } from '../options';
import type { Reaction } from '../reaction';
import type { Task } from './partitions';
import { isRetryable, withDeadline } from './retryable-failure';

/** Named point between what a reaction did and the checkpoint that says so. */
export const answeredFailpoint = (reaction: string): string => `answered-${reaction}`;

export interface Answer {
  readonly event: RecordedEvent;
  /** Failures after which it is parked. */
  readonly attempts: number;
  /** Called before the first attempt. */
  readonly onBegun?: () => void;
  readonly onAnswered: () => Promise<void>;
  readonly onParked: (error: string, failures: number) => Promise<void>;
}

/**
 * One event to be answered: again and again while what it needs is not available, and until it is parked where it fails. Between two
 * attempts its partition waits, and no other one does.
 */
export const answerTask = (
  reaction: Reaction,
  { event, attempts, onBegun, onAnswered, onParked }: Answer,
  { logger, attemptMs, firstRetryMs }: Pick<Settled, 'logger' | 'attemptMs' | 'firstRetryMs'>,
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
      const about = { err: error, reaction: reaction.name, eventId: event.id, type: event.type };
      if (failures >= attempts) {
        await onParked(reasonOf(error), failures);
        logger.error(about, 'the reaction to an event failed; the event is parked');
        return undefined;
      }
      logger.warn(about, 'the reaction to an event failed; it is tried again');
      return backoff(attempt, { firstMs: firstRetryMs, maxMs: 50 * firstRetryMs });
    }
    failpoint(answeredFailpoint(reaction.name));
    await onAnswered();
    return undefined;
  };
};
