import { type Page, START } from '#event-log/port';
import { findStops, foldUntil, isDataError } from '../fold/poison';
import { type Projection, partitionOf } from '../projection';
import { RowBuffer } from '../rows/row-buffer';
import { type Attempt, report } from './rebuild-attempt';
import { foldPage, type RebuildOptions, type RebuildState } from './rebuild-progress';
import type { Shadow } from './shadow';

/** Events in one read: the event that the database refuses is looked for among as many. */
const PAGE = 1_000;

/** Writes one page into the shadow. Where the database refuses a row, its partition is parked at the event that it comes from. */
export const writePage = async (
  projection: Projection,
  shadow: Shadow,
  page: Page,
  progress: RebuildState,
  { pool }: Pick<RebuildOptions, 'pool'>,
): Promise<void> => {
  const standing = new Set(progress.parked.keys());
  const buffer = new RowBuffer(projection.tables);
  foldPage(projection, page, buffer, progress);
  try {
    await shadow.write(buffer);
  } catch (error) {
    if (!isDataError(error)) throw error;
    const going = page.events.filter((event) => !standing.has(partitionOf(event)));
    const parked = [...progress.parked.values()].filter(({ partition }) => !standing.has(partition));
    const stopped = await findStops(pool, projection, going, parked, shadow.schema);
    // No event is refused by itself: nothing that could be parked would help.
    if (stopped.length === parked.length && stopped.every((one) => parked.includes(one))) throw error;
    for (const one of stopped) progress.parked.set(one.partition, one);
    const rest = foldUntil(projection, going, stopped);
    await shadow.write(rest);
  }
};

/**
 * Everything up to the head that the log has now, page by page, into tables that have their constraints from the
 * beginning. Several times slower than COPY, and for a history in which the database refuses something.
 */
export const loadCarefully = async (
  projection: Projection,
  attempt: Attempt,
  shadow: Shadow,
  progress: RebuildState,
  options: RebuildOptions,
): Promise<void> => {
  const { log, pool, signal } = options;
  await shadow.index();
  const target = await log.head();
  const ended = new AbortController();
  const pages = log.subscribe({
    after: START,
    types: projection.types,
    pageSize: PAGE,
    signal: AbortSignal.any([signal, ended.signal]),
  });
  try {
    for await (const page of pages) {
      await writePage(projection, shadow, page, progress, options);
      await report(pool, attempt, 'loading', progress);
      if (page.position >= target || page.caughtUp) break;
    }
    signal.throwIfAborted();
  } finally {
    ended.abort();
  }
};
