import { DatabaseError, type Pool } from 'pg';
import type { RecordedEvent } from '../event-log/port';
import { inTransaction } from '../platform/database/pools';
import { LIVE_SCHEMA, type Parked } from './checkpoint';
import { foldEvents, parkedAt } from './fold';
import { laneOf, type Projection } from './projection';
import { RowBuffer } from './row-buffer';
import { rowStatement } from './row-statements';

/** Errors that speak of the rows and not of the database: bad data, broken constraints, values that are too large. */
export const isDataError = (error: unknown): boolean =>
  error instanceof DatabaseError && /^(22|23|54)/.test(error.code ?? '');

class Undo extends Error {}

/** Whether the database takes these rows; writes nothing. */
const refusal = async (pool: Pool, schema: string, projection: Projection, buffer: RowBuffer): Promise<unknown> => {
  const { expressions, values } = rowStatement(schema, projection.tables, buffer.folded, 'true', 1);
  if (expressions.length === 0) return undefined;
  const text = `with ${expressions.map((sql, at) => `r${at} as (${sql})`).join(', ')} select 1`;
  try {
    await inTransaction(pool, async (client) => {
      await client.query(text, values);
      throw new Undo();
    });
  } catch (error) {
    if (error instanceof Undo) return undefined;
    if (isDataError(error)) return error;
    throw error;
  }
  return undefined;
};

const firstRefused = async (
  pool: Pool,
  schema: string,
  projection: Projection,
  lane: readonly RecordedEvent[],
): Promise<Parked | undefined> => {
  const attempt = async (events: readonly RecordedEvent[]): Promise<unknown> => {
    const buffer = new RowBuffer(projection.tables);
    foldEvents(projection, events, new Set(), buffer);
    return refusal(pool, schema, projection, buffer);
  };
  if (!(await attempt(lane))) return undefined;
  for (const [at, event] of lane.entries()) {
    const error = await attempt(lane.slice(0, at + 1));
    if (error) return parkedAt(event, error);
  }
  return undefined;
};

/**
 * Finds the lanes whose rows the database refuses, by trying each alone, and parks each at the first event that makes
 * it so. Rare and slow: one try a lane, and one an event of a lane that failed.
 * @param schema where the tables are that the rows are tried on; those that are read unless given
 */
export const findRefusedLanes = async (
  pool: Pool,
  projection: Projection,
  events: readonly RecordedEvent[],
  schema = LIVE_SCHEMA,
): Promise<Parked[]> => {
  const lanes = new Map<string, RecordedEvent[]>();
  for (const event of events) lanes.set(laneOf(event), [...(lanes.get(laneOf(event)) ?? []), event]);
  const parked: Parked[] = [];
  for (const lane of lanes.values()) {
    const refused = await firstRefused(pool, schema, projection, lane);
    if (refused) parked.push(refused);
  }
  return parked;
};

/** Folds anew what is left of events that were folded before, where each of these lanes stops at its event. */
export const foldUntil = (
  projection: Projection,
  events: readonly RecordedEvent[],
  stopped: readonly Parked[],
): RowBuffer => {
  const stops = new Map(stopped.map(({ lane, position }) => [lane, position]));
  const buffer = new RowBuffer(projection.tables);
  const rest = events.filter((event) => event.position < (stops.get(laneOf(event)) ?? event.position + 1n));
  foldEvents(projection, rest, new Set(), buffer);
  return buffer;
};
