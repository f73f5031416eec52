import { backoff, sleep } from '#platform/loops/backoff';
import { type EventLog, HistoryChanged, type Position, type RecordedEvent } from './port';

const RETRY = { firstMs: 50, maxMs: 1_000 };

/**
 * Reports every event of these types that any process appends from now on, so that caches in memory can be corrected.
 * It has no checkpoint: events from before the call are not reported. If the log goes back to an older copy, the events
 * between that copy and the moment at which this is noticed are not reported either: `onHistoryChange` is called then,
 * and everything that was cached from the log must be dropped. If the log is not available, or was closed before
 * `stop` was called, the subscription is tried again with backoff. An error of `onFact` is ignored.
 */
export const followFacts = (
  log: EventLog,
  types: readonly string[],
  onFact: (event: RecordedEvent) => void,
  onHistoryChange: () => void = () => undefined,
): { readonly stop: () => Promise<void> } => {
  const stopping = new AbortController();
  const { signal } = stopping;
  const follow = async (): Promise<void> => {
    let after: Position | undefined;
    let changed = false;
    for (let failed = 0; !signal.aborted; ) {
      try {
        after ??= await log.head();
        // Only now: a read that begins after this call sees every event before the new start.
        if (changed) onHistoryChange();
        changed = false;
        for await (const { events, position } of log.subscribe({ after, types, signal })) {
          for (const event of events) {
            try {
              onFact(event);
            } catch {
              // The event is of a newer release, or `onFact` failed: later events must be reported nevertheless.
            }
          }
          after = position;
          failed = 0;
        }
      } catch (error) {
        // The position belongs to a history that the log no longer has. After any other error it is still valid.
        if (error instanceof HistoryChanged) {
          after = undefined;
          changed = true;
        }
      }
      await sleep(backoff(++failed, RETRY), signal);
    }
  };
  const following = follow();
  return {
    stop: async () => {
      stopping.abort();
      await following;
    },
  };
};
