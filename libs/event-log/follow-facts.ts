import { backoff, sleep } from '#platform/loops/backoff';
import { type EventLog, HistoryChanged, type Position, type RecordedEvent } from './port';

const RETRY = { firstMs: 50, maxMs: 1_000 };

/**
 * Reports every event of these types that any process appends from now on, so that caches in memory can be corrected.
 * It has no checkpoint: events from before the call are not reported. If the log is not available, or was closed before
 * `stop` was called, the subscription is tried again with backoff. An error of `onFact` is ignored.
 */
export const followFacts = (
  log: EventLog,
  types: readonly string[],
  onFact: (event: RecordedEvent) => void,
): { readonly stop: () => Promise<void> } => {
  const stopping = new AbortController();
  const { signal } = stopping;
  const follow = async (): Promise<void> => {
    let after: Position | undefined;
    for (let failed = 0; !signal.aborted; ) {
      try {
        after ??= await log.head();
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
        if (error instanceof HistoryChanged) after = undefined;
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
