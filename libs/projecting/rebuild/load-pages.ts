import { type Page, START } from '#event-log/port';
import { findRefusedEvents, foldUntil, isDataError } from '../fold/poison';
import { type Projection, partitionOf } from '../projection';
import { RowBuffer } from '../rows/row-buffer';
import { type Attempt, report } from './rebuild-attempt';
import { foldPage, type RebuildOptions, type RebuildState } from './rebuild-progress';
import type { Shadow } from './shadow';

/** Events in one read. A refused event is searched for among this many. */
const PAGE = 1_000;

/**
 * Writes one page into the new tables. If the database refuses a row, the partition is parked at the event of that row.
 * @throws AttemptLost, or the error of the database
 */
export const writePage = async (
  projection: Projection,
  shadow: Shadow,
  page: Page,
  progress: RebuildState,
  { pool }: Pick<RebuildOptions, 'pool'>,
): Promise<void> => {
  const parkedBefore = new Set(progress.parked.keys());
  const buffer = new RowBuffer(projection.tables);
  foldPage(projection, page, buffer, progress);
  try {
    await shadow.write(buffer);
  } catch (error) {
    if (!isDataError(error)) throw error;
    const unparked = page.events.filter((event) => !parkedBefore.has(partitionOf(event)));
    const parked = [...progress.parked.values()].filter(({ partition }) => !parkedBefore.has(partition));
    const refused = await findRefusedEvents(pool, projection, unparked, parked, shadow.schema);
    // The database refuses no single event, so parking a partition would not help.
    if (refused.length === parked.length && refused.every((one) => parked.includes(one))) throw error;
    for (const one of refused) progress.parked.set(one.partition, one);
    const remaining = foldUntil(projection, unparked, refused);
    await shadow.write(remaining);
  }
};

/**
 * Loads all events up to the present head of the log, page by page, into tables that have their constraints from the
 * beginning. This is several times slower than COPY, and is used for a history with rows that the database refuses.
 * @throws AttemptLost, or the error of the log or of the database
 */
export const loadPages = async (
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
