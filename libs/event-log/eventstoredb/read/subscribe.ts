import { backoff, sleep } from '#platform/loops/backoff';
import { type History, markOf } from '../../history';
import { type EventMark, HistoryChanged, LogUnavailable, type Page, type Subscribe } from '../../port';
import { streamName } from '../../stream-id';
import { readHead } from './client-reads';
import { eventFilter } from './event-filter';
import { readAll } from './event-pages';
import type { ReadDeps } from './read-deps';
import { SubscriptionSource } from './subscription-source';

const RETRY = { firstMs: 100, maxMs: 5_000 };
const PAGE = 1_000;

/**
 * Catch-up, then live, resumed after every failure from where the consumer is. The client's subscriptions end with the
 * connection and never come back by themselves.
 * @throws HistoryChanged
 */
export async function* subscribe(
  reading: ReadDeps,
  history: Pick<History, 'listen'>,
  options: Subscribe,
  closed: AbortSignal,
): AsyncGenerator<Page> {
  const changed = new AbortController();
  const stop = history.listen(() => changed.abort());
  const ended = options.signal ? AbortSignal.any([options.signal, closed]) : closed;
  const signal = AbortSignal.any([ended, changed.signal]);
  const self = {};
  let position = options.after;
  let failed = 0;
  try {
    while (!signal.aborted) {
      try {
        for await (const page of follow(reading, { ...options, after: position, signal })) {
          reading.outage.goesOn(self);
          if (page.position > position) failed = 0;
          position = page.position;
          yield page;
        }
      } catch (error) {
        if (!(error instanceof LogUnavailable)) throw error;
        reading.outage.broke(self, error);
        await sleep(backoff(++failed, RETRY), signal);
      }
    }
    if (!ended.aborted) throw new HistoryChanged();
  } finally {
    stop();
    reading.outage.left(self);
  }
}

/** undefined as soon as the signal aborts: a reader that ends waits for no server. */
const unlessAborted = async <T>(signal: AbortSignal, work: Promise<T>): Promise<T | undefined> => {
  let leave: () => void = () => undefined;
  const aborted = new Promise<undefined>((resolve) => {
    leave = () => resolve(undefined);
    signal.addEventListener('abort', leave, { once: true });
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', leave);
  }
};

/**
 * Up to the head the server picks the types, or the tenant; from then on it sends everything, and what is not wanted is
 * left out here: a filtered subscription tells its position only every so many records, and a reader who waits for a
 * position that holds nothing for them would wait in vain.
 */
async function* follow(reading: ReadDeps, options: Subscribe & { signal: AbortSignal }): AsyncGenerator<Page> {
  const { tenantId, types, signal } = options;
  let after = options.after;
  const history =
    tenantId !== undefined
      ? pagesOf(reading, { ...options, tenantId })
      : types !== undefined
        ? followOne(reading, options, types)
        : undefined;
  if (history) {
    for await (const page of history) {
      yield page;
      after = page.position;
      if (page.caughtUp) break;
    }
    if (signal.aborted) return;
  }
  yield* followOne(reading, { ...options, after }, undefined);
}

/** One tenant's history, page by page, to the head. */
async function* pagesOf(
  reading: ReadDeps,
  { after, tenantId, types, pageSize = PAGE, signal }: Subscribe & { tenantId: string; signal: AbortSignal },
): AsyncGenerator<Page> {
  for (let position = after; ; ) {
    const wanted = { after: position, limit: pageSize, tenantId, ...(types === undefined ? {} : { types }) };
    const page = await unlessAborted(signal, readAll(reading, wanted));
    if (!page) return;
    yield page;
    if (page.caughtUp) return;
    position = page.position;
  }
}

/** One subscription, until it fails or the signal aborts. @param serverTypes the types that the server picks */
async function* followOne(
  reading: ReadDeps,
  options: Subscribe & { signal: AbortSignal },
  serverTypes: readonly string[] | undefined,
): AsyncGenerator<Page> {
  const { connection, erasures, horizon, idleMs } = reading;
  const { after, pageSize = PAGE, signal, tenantId, types } = options;
  const [head] = (await unlessAborted(signal, Promise.all([readHead(connection, idleMs), erasures.refresh()]))) ?? [];
  if (head === undefined || signal.aborted) return;
  horizon.meet(head);
  const source = new SubscriptionSource(connection, {
    after,
    head,
    horizon,
    capacity: pageSize,
    idleMs,
    take: eventFilter(reading, types, tenantId),
    ...(serverTypes === undefined ? {} : { types: serverTypes }),
  });
  let last: EventMark | undefined;
  try {
    for (let live = false; ; ) {
      const batch = await source.next(pageSize, signal);
      if (!batch) return;
      const known = erasures.count;
      if (!live) await unlessAborted(signal, erasures.keepFresh());
      if (signal.aborted) return;
      live = batch.caughtUp;
      const { items, position, caughtUp } = batch;
      const events =
        erasures.count === known ? items : items.filter(({ stream }) => !erasures.hide(streamName(stream)));
      const newest = items.at(-1);
      if (newest) last = markOf(newest);
      yield { events, position, caughtUp, last };
      if (signal.aborted) return;
    }
  } finally {
    source.close();
  }
}
