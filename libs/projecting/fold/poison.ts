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

class Undo extends Error {}

/** Why the database refuses these rows; undefined where it takes them. Writes nothing. */
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

/** The number of events whose rows the database takes together, and why it refuses them with the next one. */
interface Refused {
  readonly accepted: number;
  readonly error: unknown;
}

/**
 * Looks for the end of an accepted run of events: by steps that double, then by halves. About twice log2 of their number
 * of tries, and one or two where the next event is refused already.
 * @param attempt why the first `count` events are refused; undefined where they are taken
 * @param from a number of events that is known to be taken
 */
const findRefused = async (
  attempt: (count: number) => Promise<unknown>,
  from: number,
  count: number,
): Promise<Refused | undefined> => {
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
 * Finds the events by which the database refuses a batch, as if they had been folded one by one: each parks its partition, and
 * the search continues with what is left of the others. Where the rows of two partitions contradict each other, the later event
 * is the refused one. Costs about 2 * log2(events) tries for each partition that is parked; writes nothing.
 * @param stopped partitions that are parked by now, each at its event
 * @param schema where the tables are that the rows are tried on; those that are read by default
 * @returns the parked partitions, `stopped` among them, where the database refused none of what comes before their event
 */
export const findStops = async (
  pool: Pool,
  projection: Projection,
  events: readonly RecordedEvent[],
  stopped: readonly Parked[],
  schema = LIVE_SCHEMA,
): Promise<Parked[]> => {
  const stops = new Map(stopped.map((one) => [one.partition, one]));
  let going = before(events, stops);
  const attempt = (count: number): Promise<unknown> => {
    const buffer = new RowBuffer(projection.tables);
    foldEvents(projection, going.slice(0, count), new Set(), buffer);
    return refusal(pool, schema, projection, buffer);
  };
  for (let accepted = 0; ; ) {
    const refused = await findRefused(attempt, accepted, going.length);
    if (!refused) return [...stops.values()];
    accepted = refused.accepted;
    const event = going[accepted] as RecordedEvent;
    stops.set(partitionOf(event), parkedAt(event, refused.error));
    going = before(going, stops);
  }
};

/** The events that come before the one at which their partition is parked. */
const before = (events: readonly RecordedEvent[], stops: ReadonlyMap<string, Parked>): readonly RecordedEvent[] =>
  events.filter((event) => {
    const stop = stops.get(partitionOf(event));
    return stop === undefined || event.position < stop.position;
  });

/** Folds again what is left of events that were folded before, where each of these partitions stops at its event. */
export const foldUntil = (
  projection: Projection,
  events: readonly RecordedEvent[],
  stopped: readonly Parked[],
): RowBuffer => {
  const buffer = new RowBuffer(projection.tables);
  foldEvents(projection, before(events, new Map(stopped.map((one) => [one.partition, one]))), new Set(), buffer);
  return buffer;
};
