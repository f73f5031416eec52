import { escapeLiteral, type Pool, type QueryArrayConfig } from 'pg';
import { markOf } from '../history';
import {
  type EventMark,
  MAX_PAGE,
  type Page,
  type Position,
  type ReadAll,
  type ReadStream,
  type RecordedEvent,
  START,
} from '../port';
import type { StreamId } from '../stream-id';
import type { Upcasters } from '../upcasting';
import { reading } from './connections';
import { COPIED_COLUMNS, CopiedEvent } from './copy/copied-event';
import { copyOut } from './copy/copy-out';
import { COLUMNS, type EventRow, markOfRow, positionOf, RowEvent, rawTypes } from './rows';

/** Positions that one statement looks through when a filter may match few of them: bounds the statement's time. */
const WINDOW = 50_000n;
/** Rows from which on COPY is the faster way: it is planned again each time. */
const COPIED = 500;
/** Must be that of the index on (tenant_id, position >> 16). */
const BUCKET = '16';

const rows = (pool: Pool, query: QueryArrayConfig): Promise<EventRow[]> =>
  reading(pool, async (client) => (await client.query<EventRow>({ ...query, types: rawTypes })).rows);

const stored = (found: EventRow[], upcasters: Upcasters): RecordedEvent[] =>
  found.map((row) => new RowEvent(row, upcasters));

export const readStream = async (
  pool: Pool,
  upcasters: Upcasters,
  { aggregate, id, tenantId }: StreamId,
  { afterVersion = 0, limit }: ReadStream = {},
): Promise<RecordedEvent[]> => {
  const found = await rows(pool, {
    name: 'read-stream',
    text: `select ${COLUMNS} from event_log.events
      where aggregate_id = $1 and aggregate = $2 and version > $3 and tenant_id is not distinct from $4
      order by version limit $5`,
    rowMode: 'array',
    values: [id, aggregate, afterVersion, tenantId, limit ?? null],
  });
  return stored(found, upcasters);
};

export const readHead = async (pool: Pool): Promise<Position> => {
  const [row] = await rows(pool, {
    name: 'read-head',
    text: 'select coalesce(max(position), 0) from event_log.events',
    rowMode: 'array',
    values: [],
  });
  return BigInt(row?.[0] ?? 0);
};

/** The last event at or before a position, as a row; of the whole log where the position is null. */
export const readLast = async (pool: Pool, notAfter: Position | null): Promise<EventRow | undefined> => {
  const [row] = await rows(pool, {
    name: 'read-last',
    text: `select ${COLUMNS} from event_log.events where position <= coalesce($1::bigint, 9223372036854775807)
      order by position desc limit 1`,
    rowMode: 'array',
    values: [notAfter?.toString() ?? null],
  });
  return row;
};

/** {@link readLast}, for a mark. */
export const readLastMark = async (pool: Pool, notAfter: Position | null): Promise<EventMark | undefined> => {
  const row = await readLast(pool, notAfter);
  return row && markOfRow(row);
};

/** Every event from a position on, as rows. */
export const readFrom = (pool: Pool, from: Position, limit: number): Promise<EventRow[]> =>
  rows(pool, {
    name: 'read-from',
    text: `select ${COLUMNS} from event_log.events where position >= $1 order by position limit $2`,
    rowMode: 'array',
    values: [from.toString(), limit],
  });

/** Every event after a position, as rows. */
const readEverything = (pool: Pool, { after, limit }: Pick<ReadAll, 'after' | 'limit'>): Promise<EventRow[]> =>
  rows(pool, {
    name: 'read-all',
    text: `select ${COLUMNS} from event_log.events where position > $1 order by position limit $2`,
    rowMode: 'array',
    values: [after.toString(), limit],
  });

/** As events, for readers of many. */
const copied = async (pool: Pool, upcasters: Upcasters, rest: string): Promise<RecordedEvent[]> => {
  const found = await copyOut(pool, `select ${COPIED_COLUMNS} from event_log.events where ${rest}`);
  return found.map((row) => new CopiedEvent(row, upcasters));
};

const readTenant = (pool: Pool, tenantId: string, { after, limit, types }: ReadAll): Promise<EventRow[]> =>
  rows(pool, {
    name: 'read-tenant',
    text: `select ${COLUMNS} from event_log.events
      where tenant_id = $1 and (position >> ${BUCKET}) >= ($2::bigint >> ${BUCKET}) and position > $2
        and ($4::text[] is null or type = any($4))
      order by (position >> ${BUCKET}), position limit $3`,
    rowMode: 'array',
    values: [tenantId, after.toString(), limit, types ?? null],
  });

interface Window {
  readonly types: readonly string[];
  /** Exclusive. */
  readonly from: Position;
  readonly to: Position;
  readonly limit: number;
}

const readWindow = async (
  pool: Pool,
  upcasters: Upcasters,
  { types, from, to, limit }: Window,
): Promise<RecordedEvent[]> => {
  if (Math.min(limit, Number(to - from)) >= COPIED) {
    const wanted = `array[${types.map(escapeLiteral).join()}]::text[]`;
    const rest = `position > ${from} and position <= ${to} and type = any(${wanted}) order by position limit ${limit}`;
    return copied(pool, upcasters, rest);
  }
  const found = await rows(pool, {
    name: 'read-window',
    text: `select ${COLUMNS} from event_log.events
      where position > $1 and position <= $2 and type = any($3) order by position limit $4`,
    rowMode: 'array',
    values: [from.toString(), to.toString(), types, limit],
  });
  return stored(found, upcasters);
};

const lastMark = (events: readonly RecordedEvent[]): EventMark | undefined => {
  const event = events.at(-1);
  return event && markOf(event);
};

const last = (events: readonly RecordedEvent[], otherwise: Position): Position => events.at(-1)?.position ?? otherwise;

/**
 * One page. With a filter the head is asked first, so that the position can move over what did not match; whatever was
 * appended between the two statements is left for the next page.
 */
export const readPage = async (pool: Pool, upcasters: Upcasters, asked: ReadAll): Promise<Page> => {
  const options = { ...asked, limit: Math.min(asked.limit, MAX_PAGE) };
  const { after, limit, tenantId, types } = options;
  if (tenantId === undefined && types === undefined) {
    const events =
      limit >= COPIED
        ? await copied(pool, upcasters, `position > ${after} order by position limit ${limit}`)
        : stored(await readEverything(pool, options), upcasters);
    return { events, position: last(events, after), caughtUp: events.length < limit, last: lastMark(events) };
  }
  const headRow = await readLast(pool, null);
  const head = headRow ? positionOf(headRow) : START;
  const headMark = headRow && markOfRow(headRow);
  if (head <= after)
    return { events: [], position: after, caughtUp: true, last: head === after ? headMark : undefined };
  if (tenantId !== undefined) {
    const events = stored(await readTenant(pool, tenantId, options), upcasters);
    const complete = events.length < limit;
    const end = last(events, after);
    const isAtHead = complete && head >= end;
    return {
      events,
      position: isAtHead ? head : end,
      caughtUp: complete,
      last: isAtHead ? headMark : lastMark(events),
    };
  }
  const to = head - after > WINDOW ? after + WINDOW : head;
  const events = await readWindow(pool, upcasters, { types: types ?? [], from: after, to, limit });
  if (events.length === limit) {
    return { events, position: last(events, after), caughtUp: false, last: lastMark(events) };
  }
  // Behind the window's last event no event was when it was read: the position is that event's, so that it has a name.
  const mark = to === head ? headMark : await readLastMark(pool, to);
  const position = mark && mark.position > after ? mark.position : to;
  return { events, position, caughtUp: to === head, last: mark };
};
