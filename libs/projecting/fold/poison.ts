import type { Pool } from 'pg';
import type { RecordedEvent } from '#event-log/port';
import { inTransaction } from '#platform/database/connections/pools';
import { isDataError } from '#platform/database/data-error';
import { LIVE_SCHEMA, type Parked } from '../checkpoints/checkpoint';
import { type Projection, partitionOf } from '../projection';
import { RowBuffer } from '../rows/row-buffer';
import { rowStatement } from '../rows/row-statements';
import { foldEvents, parkedAt } from './fold';

export { isDataError };

/** Rolls back the transaction of a successful trial. */
class TrialSucceeded extends Error {}

/**
 * Tries to write the rows and rolls back.
 * @returns the error with which the database refuses them; undefined if it accepts them
 */
const tryRows = async (pool: Pool, schema: string, projection: Projection, buffer: RowBuffer): Promise<unknown> => {
  const { expressions, values } = rowStatement(schema, projection.tables, buffer.folded, 'true', 1);
  if (expressions.length === 0) return undefined;
  const text = `with ${expressions.map((sql, at) => `r${at} as (${sql})`).join(', ')} select 1`;
  try {
    await inTransaction(pool, async (client) => {
      await client.query(text, values);
      throw new TrialSucceeded();
    });
  } catch (error) {
    if (error instanceof TrialSucceeded) return undefined;
    if (isDataError(error)) return error;
    throw error;
  }
  return undefined;
};

/**
 * The number of events whose rows the database accepts together, and the error with which it refuses one event more.
 */
interface FirstRefused {
  readonly accepted: number;
  readonly error: unknown;
}

/**
 * Searches for the first refused event: first by steps that double, then by bisection. That takes about 2 *
 * log2(events) trials, and one or two if the next event is refused.
 * @param attempt returns the error with which the first `count` events are refused; undefined if they are accepted
 * @param from a number of events that are known to be accepted
 * @returns undefined if all `count` events are accepted
 */
const findFirstRefused = async (
  attempt: (count: number) => Promise<unknown>,
  from: number,
  count: number,
): Promise<FirstRefused | undefined> => {
  let accepted = from;
  let refused: { readonly at: number; readonly error: unknown } | undefined;
  for (let step = 1; !refused && accepted < count; step *= 2) {
    const at = Math.min(accepted + step, count);
    const error = await attempt(at);
    if (error === undefined) accepted = at;
    else refused = { at, error };
  }
  if (!refused) return undefined;
  while (refused.at - accepted > 1) {
    const at: number = accepted + Math.floor((refused.at - accepted) / 2);
    const error = await attempt(at);
    if (error === undefined) accepted = at;
    else refused = { at, error };
  }
  return { accepted, error: refused.error };
};

/**
 * Finds the events because of which the database refuses a batch, as if the events had been written one by one. Each
 * refused event parks its partition, and the search continues with the remaining events. If the rows of two partitions
 * conflict, the later event counts as refused. It takes about 2 * log2(events) trials for each partition that is
 * parked; nothing is written.
 * @param parked partitions that a handler has parked, each at its event
 * @param schema the schema with the tables for the trials; the one that queries read by default
 * @returns all parked partitions. One of `parked` is parked at an earlier event if the database refuses that one.
 */
export const findRefusedEvents = async (
  pool: Pool,
  projection: Projection,
  events: readonly RecordedEvent[],
  parked: readonly Parked[],
  schema = LIVE_SCHEMA,
): Promise<Parked[]> => {
  const byPartition = new Map(parked.map((one) => [one.partition, one]));
  let remaining = eventsBefore(events, byPartition);
  const attempt = (count: number): Promise<unknown> => {
    const buffer = new RowBuffer(projection.tables);
    foldEvents(projection, remaining.slice(0, count), new Set(), buffer);
    return tryRows(pool, schema, projection, buffer);
  };
  for (let accepted = 0; ; ) {
    const refused = await findFirstRefused(attempt, accepted, remaining.length);
    if (!refused) return [...byPartition.values()];
    accepted = refused.accepted;
    const event = remaining[accepted] as RecordedEvent;
    byPartition.set(partitionOf(event), parkedAt(event, refused.error));
    remaining = eventsBefore(remaining, byPartition);
  }
};

/** Removes from the events those of each parked partition from the event on at which the partition is parked. */
const eventsBefore = (
  events: readonly RecordedEvent[],
  byPartition: ReadonlyMap<string, Parked>,
): readonly RecordedEvent[] =>
  events.filter((event) => {
    const parked = byPartition.get(partitionOf(event));
    return parked === undefined || event.position < parked.position;
  });

/** Folds events again. For a parked partition, it folds only the events before the one at which it is parked. */
export const foldUntil = (
  projection: Projection,
  events: readonly RecordedEvent[],
  parked: readonly Parked[],
): RowBuffer => {
  const buffer = new RowBuffer(projection.tables);
  foldEvents(projection, eventsBefore(events, new Map(parked.map((one) => [one.partition, one]))), new Set(), buffer);
  return buffer;
};
