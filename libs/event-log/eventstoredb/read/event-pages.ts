import { type Page, type Position, type ReadAll, type ReadStream, type RecordedEvent, START } from '../../port';
import { type StreamId, streamName } from '../../stream-id';
import type { KnownStreams } from '../append/known-streams';
import { decode } from '../codec';
import { readEvents, readForwards, readHead, StreamErased } from './client-reads';
import { eventFilter } from './event-filter';
import type { ReadDeps } from './read-deps';
import { SubscriptionSource } from './subscription-source';

/** Events in version order; an empty array if the stream does not exist or was erased. @throws LogUnavailable */
export const readStream = async (
  { connection, known, horizon, upcasters, idleMs }: ReadDeps,
  stream: StreamId,
  { afterVersion = 0, limit }: ReadStream,
): Promise<RecordedEvent[]> => {
  const name = streamName(stream);
  const read = { stream: name, from: afterVersion, ...(limit === undefined ? {} : { maxCount: limit }) };
  try {
    const events = (await readEvents(connection, read, idleMs, ({ event }) => decode(event, upcasters))) ?? [];
    horizon.observe(events.at(-1)?.position);
    remember(known, name, afterVersion, events, limit === undefined || events.length < limit);
    return events;
  } catch (error) {
    if (error instanceof StreamErased) return [];
    throw error;
  }
};

/** Adds a read to the known streams, because its caller will probably append to the stream soon. */
const remember = (
  known: KnownStreams,
  name: string,
  after: number,
  events: readonly RecordedEvent[],
  whole: boolean,
): void => {
  // An event of another application was left out, so the events have a gap.
  if (events.length > 0 && (events.at(-1)?.version ?? 0) - after !== events.length) return;
  const seen = events.map(({ version, position, commandId, recordedAt }) => {
    return { version, position, commandId, time: recordedAt.getTime() };
  });
  known.learn(name, after, seen, whole);
};

/** One page in position order. @throws LogUnavailable */
export const readAll = async (deps: ReadDeps, options: ReadAll): Promise<Page> => {
  await deps.erasures.refresh();
  const filtered = options.tenantId !== undefined || options.types !== undefined;
  return filtered ? readFiltered(deps, options) : readWhole(deps, options);
};

const readWhole = async (deps: ReadDeps, { after, limit }: ReadAll): Promise<Page> => {
  const convert = eventFilter(deps, undefined);
  const events: RecordedEvent[] = [];
  let position = after;
  for (;;) {
    // The read is inclusive, so it returns the record at the position once more.
    const maxCount = limit - events.length + (position === START ? 0 : 1);
    const records = await readForwards(deps.connection, position, maxCount, deps.idleMs);
    for (const record of records) {
      const at: Position | undefined = record.event?.position.commit;
      if (at === undefined || at <= position) continue;
      position = at;
      const event = convert(record);
      if (event) events.push(event);
    }
    const caughtUp = records.length < maxCount;
    if (caughtUp || events.length === limit) return { events, position, caughtUp };
  }
};

/**
 * Reads a tenant's events by the links of its category, as far as these are complete. Later events are read by a
 * subscription up to the end of the log, because the client's reads cannot filter.
 */
const readFiltered = async (deps: ReadDeps, { after, limit, tenantId, types }: ReadAll): Promise<Page> => {
  const head = await readHead(deps.connection, deps.idleMs);
  deps.horizon.observe(head);
  if (after >= head) return { events: [], position: after, caughtUp: true };
  const convert = eventFilter(deps, types, tenantId);
  const linked = tenantId === undefined ? undefined : await deps.categories.read(tenantId, after, limit, convert);
  const events = linked?.items ?? [];
  const from = linked?.position ?? after;
  if (events.length === limit || from >= head) return { events, position: from, caughtUp: from >= head };
  const source = new SubscriptionSource(deps.connection, {
    after: from,
    head,
    horizon: deps.horizon,
    capacity: limit,
    idleMs: deps.idleMs,
    convert,
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
