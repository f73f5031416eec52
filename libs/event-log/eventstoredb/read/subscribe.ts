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
 * Yields the stored events and then each new one. After every failure it continues from the position of the last page,
 * because the client's subscriptions end with their connection and are not resumed by the client.
 * @throws HistoryChanged
 */
export async function* subscribe(
  deps: ReadDeps,
  history: Pick<History, 'listen'>,
  options: Subscribe,
  closed: AbortSignal,
): AsyncGenerator<Page> {
  const changed = new AbortController();
  const stop = history.listen(() => changed.abort());
  const ended = options.signal ? AbortSignal.any([options.signal, closed]) : closed;
  const signal = AbortSignal.any([ended, changed.signal]);
  const subscription = {};
  let position = options.after;
  let failures = 0;
  try {
    while (!signal.aborted) {
      try {
        for await (const page of follow(deps, { ...options, after: position, signal })) {
          deps.outage.resumed(subscription);
          if (page.position > position) failures = 0;
          position = page.position;
          yield page;
        }
      } catch (error) {
        if (!(error instanceof LogUnavailable)) throw error;
        deps.outage.failed(subscription, error);
        await sleep(backoff(++failures, RETRY), signal);
      }
    }
    if (!ended.aborted) throw new HistoryChanged();
  } finally {
    stop();
    deps.outage.ended(subscription);
  }
}

/** Resolves with undefined as soon as the signal aborts, so that a consumer that ends does not wait for the server. */
const unlessAborted = async <T>(signal: AbortSignal, work: Promise<T>): Promise<T | undefined> => {
  let onAbort: () => void = () => undefined;
  const aborted = new Promise<undefined>((resolve) => {
    onAbort = () => resolve(undefined);
    signal.addEventListener('abort', onAbort, { once: true });
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
};

/**
 * Up to the head, the server filters by types or by the tenant. After that, the server sends every event and the filter
 * is applied here. The reason: a filtered subscription of the server reports its position only after many records, so a
 * reader that waits for the position of an event that does not match would wait very long.
 */
async function* follow(deps: ReadDeps, options: Subscribe & { signal: AbortSignal }): AsyncGenerator<Page> {
  const { tenantId, types, signal } = options;
  let after = options.after;
  const catchUp =
    tenantId !== undefined
      ? tenantPages(deps, { ...options, tenantId })
      : types !== undefined
        ? followOne(deps, options, types)
        : undefined;
  if (catchUp) {
    for await (const page of catchUp) {
      yield page;
      after = page.position;
      if (page.caughtUp) break;
    }
    if (signal.aborted) return;
  }
  yield* followOne(deps, { ...options, after }, undefined);
}

/** Yields the events of one tenant page by page, up to the head. */
async function* tenantPages(
  deps: ReadDeps,
  { after, tenantId, types, pageSize = PAGE, signal }: Subscribe & { tenantId: string; signal: AbortSignal },
): AsyncGenerator<Page> {
  for (let position = after; ; ) {
    const request = { after: position, limit: pageSize, tenantId, ...(types === undefined ? {} : { types }) };
    const page = await unlessAborted(signal, readAll(deps, request));
    if (!page) return;
    yield page;
    if (page.caughtUp) return;
    position = page.position;
  }
}

/**
 * Yields the pages of one subscription, until it fails or the signal aborts.
 * @param serverTypes the types by which the server filters; undefined: the server sends every event
 */
async function* followOne(
  deps: ReadDeps,
  options: Subscribe & { signal: AbortSignal },
  serverTypes: readonly string[] | undefined,
): AsyncGenerator<Page> {
  const { connection, erasures, horizon, idleMs } = deps;
  const { after, pageSize = PAGE, signal, tenantId, types } = options;
  const [head] = (await unlessAborted(signal, Promise.all([readHead(connection, idleMs), erasures.refresh()]))) ?? [];
  if (head === undefined || signal.aborted) return;
  horizon.observe(head);
  const source = new SubscriptionSource(connection, {
    after,
    head,
    horizon,
    capacity: pageSize,
    idleMs,
    convert: eventFilter(deps, types, tenantId),
    ...(serverTypes === undefined ? {} : { types: serverTypes }),
  });
  let last: EventMark | undefined;
  try {
    for (let live = false; ; ) {
      const batch = await source.next(pageSize, signal);
      if (!batch) return;
      const knownErasures = erasures.count;
      if (!live) await unlessAborted(signal, erasures.keepFresh());
      if (signal.aborted) return;
      live = batch.caughtUp;
      const { items, position, caughtUp } = batch;
      const events =
        erasures.count === knownErasures ? items : items.filter(({ stream }) => !erasures.isErased(streamName(stream)));
      const newest = items.at(-1);
      if (newest) last = markOf(newest);
      yield { events, position, caughtUp, last };
      if (signal.aborted) return;
    }
  } finally {
    source.close();
  }
}
