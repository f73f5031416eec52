import { START } from '#event-log/port';
import { yieldToEventLoop } from '#platform/loops/yield-to-event-loop';
import type { Projection } from '../projection';
import { RowBuffer } from '../rows/row-buffer';
import { type Attempt, report } from './rebuild-attempt';
import { foldPage, type RebuildOptions, type RebuildState } from './rebuild-progress';
import type { Shadow } from './shadow';

/** Events that are folded without yielding to the event loop. */
const SLICE = 500;

/**
 * Loads all events up to the present head of the log, in chunks of rows that are written with COPY.
 * @throws AttemptLost, or the error of the log or of the database, such as the refusal of a row
 */
export const loadHistory = async (
  projection: Projection,
  attempt: Attempt,
  shadow: Shadow,
  progress: RebuildState,
  { log, pool, signal, chunkRows = 50_000, pageSize = 5_000 }: RebuildOptions,
): Promise<void> => {
  const target = await log.head();
  const ended = new AbortController();
  const pages = log.subscribe({
    after: START,
    types: projection.types,
    pageSize,
    signal: AbortSignal.any([signal, ended.signal]),
  });
  let loading: Promise<void> = Promise.resolve();
  let reporting: Promise<unknown> = Promise.resolve();
  let empty = new RowBuffer(projection.tables);
  let filling = new RowBuffer(projection.tables);
  try {
    for await (const page of pages) {
      // In slices, so that the next page is received and the last chunk is sent while this page is folded.
      for (let at = 0; at < page.events.length; at += SLICE) {
        foldPage(projection, { ...page, events: page.events.slice(at, at + SLICE) }, filling, progress);
        await yieldToEventLoop();
      }
      progress.position = page.position;
      progress.last = page.last ?? progress.last;
      if (filling.size >= chunkRows) {
        // One chunk is written while the next one is folded.
        await loading;
        const full = filling;
        filling = empty;
        empty = full;
        loading = shadow.load(full);
        loading.catch(() => {});
        await reporting;
        reporting = report(pool, attempt, 'loading', progress);
        reporting.catch(() => {});
      }
      if (page.position >= target || page.caughtUp) break;
    }
    await Promise.all([loading, reporting]);
    signal.throwIfAborted();
    await shadow.load(filling);
    await shadow.index();
  } finally {
    ended.abort();
  }
};
