import { backoff, sleep } from '#platform/loops/backoff';
import { type EventLog, HistoryChanged, type Position, type RecordedEvent } from './port';

const RETRY = { firstMs: 50, maxMs: 1_000 };

/**
 * Reports every later event of these types, whichever process appends it, for what is kept in memory: nothing is
 * remembered of how far it has come. A log that is not available, or was closed before this was, is asked again, though not at once.
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
              // Of a newer release, or refused: what comes behind it must be heard all the same.
            }
          }
          after = position;
          failed = 0;
        }
      } catch (error) {
        // The position is of a history that the log no longer has. Anything else is as where it simply ends.
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
