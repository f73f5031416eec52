import type { Pool } from 'pg';
import type { EventLog, EventMark, Page, Position } from '#event-log/port';
import { START } from '#event-log/port';
import type { Logger } from '#platform/logging/logger.port';
import type { Parked } from '../checkpoints/checkpoint';
import { foldEvents } from '../fold/fold';
import type { Projection } from '../projection';
import type { RowBuffer } from '../rows/row-buffer';

export interface RebuildOptions {
  readonly log: EventLog;
  /** Connects as the projector. */
  readonly pool: Pool;
  readonly roles: Readonly<Record<string, string>>;
  readonly logger: Logger;
  readonly signal: AbortSignal;
  /** Rows that are kept in memory before they are written, which limits the memory; 50,000 by default. */
  readonly chunkRows?: number;
  /** Events in one read; 5,000 by default. */
  readonly pageSize?: number;
}

/** The progress of a rebuild. It is changed by the functions that fold and write. */
export interface RebuildState {
  position: Position;
  /** The event at the position, or the last event before it. */
  last?: EventMark | undefined;
  events: number;
  /** Parked partitions of the new read model, by partition. */
  readonly parked: Map<string, Parked>;
}

export const initialState = (): RebuildState => ({ position: START, events: 0, parked: new Map() });

/** Folds a page into the buffer and updates the progress. */
export const foldPage = (projection: Projection, page: Page, buffer: RowBuffer, progress: RebuildState): void => {
  for (const one of foldEvents(projection, page.events, new Set(progress.parked.keys()), buffer))
    progress.parked.set(one.partition, one);
  progress.position = page.position;
  progress.last = page.last ?? progress.last;
  progress.events += page.events.length;
};
