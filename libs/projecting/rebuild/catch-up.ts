import type { PoolClient } from 'pg';
import type { EventLog } from '#event-log/port';
import type { Projection } from '../projection';
import { RowBuffer } from '../rows/row-buffer';
import { writePage } from './load-pages';
import { foldPage, type RebuildOptions, type RebuildState } from './rebuild-progress';
import type { Shadow } from './shadow';

/** Events in one read. */
const PAGE = 1_000;

/** Writes all events that were appended since the load, page by page, until the head of the log is reached. */
export const catchUp = async (
  projection: Projection,
  shadow: Shadow,
  progress: RebuildState,
  options: RebuildOptions,
): Promise<void> => {
  for (;;) {
    options.signal.throwIfAborted();
    const page = await options.log.readAll({ after: progress.position, types: projection.types, limit: PAGE });
    await writePage(projection, shadow, page, progress, options);
    if (page.caughtUp) return;
  }
};

/** Writes the last events in the transaction of the swap, until the head of the log is reached. */
export const catchUpInTransaction = async (
  client: PoolClient,
  projection: Projection,
  shadow: Shadow,
  progress: RebuildState,
  log: EventLog,
): Promise<void> => {
  const buffer = new RowBuffer(projection.tables);
  for (;;) {
    const page = await log.readAll({ after: progress.position, types: projection.types, limit: PAGE });
    buffer.clear();
    foldPage(projection, page, buffer, progress);
    await shadow.writeIn(client, buffer);
    if (page.caughtUp) return;
  }
};
