import { type Page, type Position, type ReadAll, type ReadStream, type RecordedEvent, START } from '../../port';
import { type StreamId, streamName } from '../../stream-id';
import type { KnownStreams } from '../append/known-streams';
import { decode } from '../codec';
import { readEvents, readForwards, readHead, StreamErased } from './client-reads';
import { eventFilter } from './event-filter';
import type { ReadDeps } from './read-deps';
import { SubscriptionSource } from './subscription-source';

/** In version order; empty for a stream that does not exist or was erased. @throws LogUnavailable */
export const readStream = async (
  { connection, known, horizon, upcasters, idleMs }: ReadDeps,
  stream: StreamId,
  { afterVersion = 0, limit }: ReadStream,
): Promise<RecordedEvent[]> => {
  const name = streamName(stream);
  const read = { stream: name, from: afterVersion, ...(limit === undefined ? {} : { maxCount: limit }) };
  try {
    const events = (await readEvents(connection, read, idleMs, ({ event }) => decode(event, upcasters))) ?? [];
    horizon.meet(events.at(-1)?.position);
    remember(known, name, afterVersion, events, limit === undefined || events.length < limit);
    return events;
  } catch (error) {
    if (error instanceof StreamErased) return [];
    throw error;
  }
};

/** What a handler has read it will soon append to. */
const remember = (
  known: KnownStreams,
  name: string,
  after: number,
  events: readonly RecordedEvent[],
  whole: boolean,
): void => {
  // An event of another application was left out: what is there is not all there is.
  if (events.length > 0 && (events.at(-1)?.version ?? 0) - after !== events.length) return;
  const seen = events.map(({ version, position, commandId, recordedAt }) => {
    return { version, position, commandId, time: recordedAt.getTime() };
  });
  known.learn(name, after, seen, whole);
};

/** One page in position order. @throws LogUnavailable */
export const readAll = async (reading: ReadDeps, options: ReadAll): Promise<Page> => {
  await reading.erasures.refresh();
  const filtered = options.tenantId !== undefined || options.types !== undefined;
  return filtered ? readFiltered(reading, options) : readWhole(reading, options);
};

const readWhole = async (reading: ReadDeps, { after, limit }: ReadAll): Promise<Page> => {
  const take = eventFilter(reading, undefined);
  const events: RecordedEvent[] = [];
  let position = after;
  for (;;) {
    // Inclusive: the record at the position comes once more.
    const asked = limit - events.length + (position === START ? 0 : 1);
    const records = await readForwards(reading.connection, position, asked, reading.idleMs);
    for (const record of records) {
      const at: Position | undefined = record.event?.position.commit;
      if (at === undefined || at <= position) continue;
      position = at;
      const event = take(record);
      if (event) events.push(event);
    }
    const caughtUp = records.length < asked;
    if (caughtUp || events.length === limit) return { events, position, caughtUp };
  }
};

/**
 * A tenant's events by the links of its category as far as they go. The client's reads know no filter: what is left is
 * a subscription until the log's end.
 */
const readFiltered = async (reading: ReadDeps, { after, limit, tenantId, types }: ReadAll): Promise<Page> => {
  const head = await readHead(reading.connection, reading.idleMs);
  reading.horizon.meet(head);
  if (after >= head) return { events: [], position: after, caughtUp: true };
  const take = eventFilter(reading, types, tenantId);
  const linked = tenantId === undefined ? undefined : await reading.categories.read(tenantId, after, limit, take);
  const events = linked?.items ?? [];
  const from = linked?.position ?? after;
  if (events.length === limit || from >= head) return { events, position: from, caughtUp: from >= head };
  const source = new SubscriptionSource(reading.connection, {
    after: from,
    head,
    horizon: reading.horizon,
    capacity: limit,
    idleMs: reading.idleMs,
    take,
    ...(tenantId === undefined ? {} : { tenantId }),
    ...(types === undefined ? {} : { types }),
  });
  try {
    for (;;) {
      const batch = await source.next(limit - events.length);
      if (!batch) return { events, position: from, caughtUp: false };
      events.push(...batch.items);
      const caughtUp = batch.caughtUp || batch.position >= head;
      if (caughtUp || events.length === limit) return { events, position: batch.position, caughtUp };
    }
  } finally {
    source.close();
  }
};
