import type { Notifications } from '#platform/database/connections/notifications';
import { backoff, sleep } from '#platform/loops/backoff';
import type { History } from '../history';
import { HistoryChanged, LogUnavailable, type Page, type Position, type Subscribe } from '../port';

interface Source {
  readonly read: (after: Position) => Promise<Page>;
  /** Called before a read that no notification caused: the events in memory may be behind the log. */
  readonly onPoll: () => void;
  readonly notifications: Notifications;
  readonly history: Pick<History, 'generation' | 'listen'>;
  /** ms between two reads while no notification arrives. Notifications may be lost; these reads find every event. */
  readonly pollMs: number;
}

/**
 * Remembers whether a notification arrived since `lower` was called, so that none is lost between a read and the next
 * wait.
 */
const createSignal = (notifications: Notifications, history: Source['history']) => {
  let raised = false;
  let release: (() => void) | undefined;
  const raise = (): void => {
    raised = true;
    release?.();
  };
  const stops = [notifications.onNotification(raise), history.listen(raise)];
  return {
    lower: (): void => {
      raised = false;
    },
    /** Waits for a notification, for the abort of the signal, or for `ms`. @param onTimeout called after `ms` */
    wait: (ms: number, signal: AbortSignal | undefined, onTimeout: () => void): Promise<void> => {
      if (raised || signal?.aborted) return Promise.resolve();
      return new Promise((resolve) => {
        const timer = setTimeout(() => {
          onTimeout();
          release?.();
        }, ms);
        const aborted = (): void => release?.();
        signal?.addEventListener('abort', aborted, { once: true });
        release = () => {
          release = undefined;
          clearTimeout(timer);
          signal?.removeEventListener('abort', aborted);
          resolve();
        };
      });
    },
    stop: (): void => {
      for (const stop of stops) stop();
    },
  };
};

/**
 * Yields pages from `after` on, without an end. While the consumer processes a full page, the next one is read ahead.
 * @throws HistoryChanged
 */
export async function* subscribePages(source: Source, { after, signal }: Subscribe): AsyncGenerator<Page> {
  const { history } = source;
  const begun = history.generation;
  const notified = createSignal(source.notifications, history);
  let position = after;
  /** Whether the consumer has received a page that had caught up. */
  let reportedCaughtUp = false;
  let failures = 0;
  let ahead: Promise<Page> | undefined;
  try {
    while (!signal?.aborted) {
      notified.lower();
      let page: Page;
      try {
        page = await (ahead ?? source.read(position));
        failures = 0;
      } catch (error) {
        if (!(error instanceof LogUnavailable)) throw error;
        // A subscription waits for a log that is not available. `ping` reports whether it is.
        await sleep(backoff(++failures, { firstMs: 50, maxMs: 2_000 }), signal);
        continue;
      } finally {
        ahead = undefined;
      }
      if (signal?.aborted) return;
      if (history.generation !== begun) throw new HistoryChanged();
      if (page.position > position || (page.caughtUp && !reportedCaughtUp)) {
        position = page.position;
        reportedCaughtUp = page.caughtUp;
        if (!page.caughtUp) {
          ahead = source.read(position);
          ahead.catch(() => {});
        }
        yield page;
      }
      if (page.caughtUp) await notified.wait(source.pollMs, signal, source.onPoll);
    }
  } finally {
    notified.stop();
  }
}
