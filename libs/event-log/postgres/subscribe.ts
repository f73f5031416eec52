import type { Notifications } from '#platform/database/connections/notifications';
import { backoff, sleep } from '#platform/loops/backoff';
import type { History } from '../history';
import { HistoryChanged, LogUnavailable, type Page, type Position, type Subscribe } from '../port';

interface Source {
  readonly read: (after: Position) => Promise<Page>;
  /** Called where nothing was heard for `pollMs`: what is kept in memory may be behind. */
  readonly expire: () => void;
  readonly wake: Notifications;
  readonly history: Pick<History, 'generation' | 'listen'>;
  /** ms between two looks at a quiet log: the truth, where wake-ups are only a hint. */
  readonly pollMs: number;
}

/** Something that may have happened since it was last asked for: no wake-up is lost between a read and the wait. */
const createSignal = (wake: Notifications, history: Source['history']) => {
  let raised = false;
  let release: (() => void) | undefined;
  const raise = (): void => {
    raised = true;
    release?.();
  };
  const stops = [wake.onWake(raise), history.listen(raise)];
  return {
    lower: (): void => {
      raised = false;
    },
    /** @param expired called where the time ran out */
    wait: (ms: number, signal: AbortSignal | undefined, expired: () => void): Promise<void> => {
      if (raised || signal?.aborted) return Promise.resolve();
      return new Promise((resolve) => {
        const timer = setTimeout(() => {
          expired();
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
 * Pages from `after` on, without an end. While the consumer works on a full page, the next one is already read.
 * @throws HistoryChanged
 */
export async function* subscribePages(source: Source, { after, signal }: Subscribe): AsyncGenerator<Page> {
  const { history } = source;
  const begun = history.generation;
  const signalled = createSignal(source.wake, history);
  let position = after;
  let told = false;
  let failures = 0;
  let ahead: Promise<Page> | undefined;
  try {
    while (!signal?.aborted) {
      signalled.lower();
      let page: Page;
      try {
        page = await (ahead ?? source.read(position));
        failures = 0;
      } catch (error) {
        if (!(error instanceof LogUnavailable)) throw error;
        // Readers wait for a log that is not available; who must know asks `ping`.
        await sleep(backoff(++failures, { firstMs: 50, maxMs: 2_000 }), signal);
        continue;
      } finally {
        ahead = undefined;
      }
      if (signal?.aborted) return;
      if (history.generation !== begun) throw new HistoryChanged();
      if (page.position > position || (page.caughtUp && !told)) {
        position = page.position;
        told = page.caughtUp;
        if (!page.caughtUp) {
          ahead = source.read(position);
          ahead.catch(() => {});
        }
        yield page;
      }
      if (page.caughtUp) await signalled.wait(source.pollMs, signal, source.expire);
    }
  } finally {
    signalled.stop();
  }
}
