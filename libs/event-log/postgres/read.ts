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
import { runRead } from './connections';
import { COPIED_COLUMNS, CopiedEvent } from './copy/copied-event';
import { copyOut } from './copy/copy-out';
import { COLUMNS, type EventRow, markOfRow, positionOf, RowEvent, rawTypes } from './rows';

/** The number of positions that one statement reads with a filter that may match few of them: bounds its time. */
const WINDOW = 50_000n;
/** The number of rows from which COPY is faster. COPY has no prepared statement and is planned each time. */
const COPIED = 500;
/** Must equal the shift in the index on (tenant_id, position >> 16). */
const BUCKET = '16';

const rows = (pool: Pool, query: QueryArrayConfig): Promise<EventRow[]> =>
  runRead(pool, async (client) => (await client.query<EventRow>({ ...query, types: rawTypes })).rows);

const toEvents = (found: EventRow[], upcasters: Upcasters): RecordedEvent[] =>
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
  return toEvents(found, upcasters);
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

/** The last event at or before a position, as a row; the last event of the whole log if the position is null. */
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

/** The mark of the last event at or before a position; of the whole log if the position is null. */
export const readLastMark = async (pool: Pool, notAfter: Position | null): Promise<EventMark | undefined> => {
  const row = await readLast(pool, notAfter);
  return row && markOfRow(row);
};

/** Events from a position on (inclusive), as rows. */
export const readFrom = (pool: Pool, from: Position, limit: number): Promise<EventRow[]> =>
  rows(pool, {
    name: 'read-from',
    text: `select ${COLUMNS} from event_log.events where position >= $1 order by position limit $2`,
    rowMode: 'array',
    values: [from.toString(), limit],
  });

/** Events after a position, as rows. */
const readEverything = (pool: Pool, { after, limit }: Pick<ReadAll, 'after' | 'limit'>): Promise<EventRow[]> =>
  rows(pool, {
    name: 'read-all',
    text: `select ${COLUMNS} from event_log.events where position > $1 order by position limit $2`,
    rowMode: 'array',
    values: [after.toString(), limit],
  });

/** Reads events by COPY, for readers of many events. @param rest the SQL after `where`, without parameters */
const copyEvents = async (pool: Pool, upcasters: Upcasters, rest: string): Promise<RecordedEvent[]> => {
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
    return copyEvents(pool, upcasters, rest);
  }
  const found = await rows(pool, {
    name: 'read-window',
    text: `select ${COLUMNS} from event_log.events
      where position > $1 and position <= $2 and type = any($3) order by position limit $4`,
    rowMode: 'array',
    values: [from.toString(), to.toString(), types, limit],
  });
  return toEvents(found, upcasters);
};

const lastMark = (events: readonly RecordedEvent[]): EventMark | undefined => {
  const event = events.at(-1);
  return event && markOf(event);
};

const lastPosition = (events: readonly RecordedEvent[], otherwise: Position): Position =>
  events.at(-1)?.position ?? otherwise;

/**
 * One page. With a filter, the head is read first, so that the position can move over events that do not match. Events
 * that are appended between the two statements belong to the next page.
 */
export const readPage = async (pool: Pool, upcasters: Upcasters, request: ReadAll): Promise<Page> => {
  const options = { ...request, limit: Math.min(request.limit, MAX_PAGE) };
  const { after, limit, tenantId, types } = options;
  if (tenantId === undefined && types === undefined) {
    const events =
      limit >= COPIED
        ? await copyEvents(pool, upcasters, `position > ${after} order by position limit ${limit}`)
        : toEvents(await readEverything(pool, options), upcasters);
    return { events, position: lastPosition(events, after), caughtUp: events.length < limit, last: lastMark(events) };
  }
  const headRow = await readLast(pool, null);
  const head = headRow ? positionOf(headRow) : START;
  const headMark = headRow && markOfRow(headRow);
  if (head <= after)
    return { events: [], position: after, caughtUp: true, last: head === after ? headMark : undefined };
  if (tenantId !== undefined) {
    const events = toEvents(await readTenant(pool, tenantId, options), upcasters);
    const complete = events.length < limit;
    const end = lastPosition(events, after);
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
    return { events, position: lastPosition(events, after), caughtUp: false, last: lastMark(events) };
  }
  // The page ends at the last event of the window and not at the end of the window, so that its mark can name an event.
  const mark = to === head ? headMark : await readLastMark(pool, to);
  const position = mark && mark.position > after ? mark.position : to;
  return { events, position, caughtUp: to === head, last: mark };
};
