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
  /** Rows kept in memory before they are written; bounds the memory. 50,000 by default. */
  readonly chunkRows?: number;
  /** Events in one read; 5,000 by default. */
  readonly pageSize?: number;
}

/** How far a rebuild is. */
export interface RebuildState {
  position: Position;
  /** The event there, or the last one before it. */
  last?: EventMark | undefined;
  events: number;
  /** By partition; the partition has stopped from its event on, in the new read model too. */
  readonly parked: Map<string, Parked>;
}

export const atTheBeginning = (): RebuildState => ({ position: START, events: 0, parked: new Map() });

export const foldPage = (projection: Projection, page: Page, buffer: RowBuffer, progress: RebuildState): void => {
  for (const one of foldEvents(projection, page.events, new Set(progress.parked.keys()), buffer))
    progress.parked.set(one.partition, one);
  progress.position = page.position;
  progress.last = page.last ?? progress.last;
  progress.events += page.events.length;
};
