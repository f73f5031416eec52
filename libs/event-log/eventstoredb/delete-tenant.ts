import { type EventStoreDBClient, StreamDeletedError } from '@eventstore/db-client';
import { START } from '../port';
import { unavailable } from './errors';
import { Horizon } from './horizon';
import { readHead } from './reads';
import { Source } from './source';

/** Tombstones on the wire at the same time. */
const AT_ONCE = 8;
const BATCH = 10_000;

/** The tenant's streams that are not tombstoned, from a look through the whole log. */
const liveStreams = async (client: EventStoreDBClient, tenantId: string, idleMs: number): Promise<Set<string>> => {
  const names = new Set<string>();
  const head = await readHead(client, idleMs);
  const source = new Source(client, {
    after: START,
    head,
    tenantId,
    horizon: new Horizon(),
    capacity: BATCH,
    idleMs,
    take: ({ event }) => {
      if (event?.type === '$streamDeleted') names.delete(event.streamId);
      else if (event) names.add(event.streamId);
      return undefined;
    },
  });
  try {
    for (;;) if ((await source.next(BATCH))?.caughtUp) return names;
  } finally {
    source.close();
  }
};

/**
 * Tombstones every stream of the tenant: unlike a soft delete that is for ever, and no later append can bring a stream
 * back. What is appended to a new stream of the tenant meanwhile, the next look finds.
 * @throws LogUnavailable some streams may be gone already; a repeat goes on
 */
export const tombstoneStreams = async (
  client: EventStoreDBClient,
  tenantId: string,
  idleMs: number,
): Promise<string[]> => {
  const gone: string[] = [];
  for (;;) {
    const names = [...(await liveStreams(client, tenantId, idleMs))].filter((name) => !gone.includes(name));
    if (names.length === 0) return gone;
    for (let i = 0; i < names.length; i += AT_ONCE) {
      await Promise.all(names.slice(i, i + AT_ONCE).map((name) => tombstone(client, name, idleMs)));
    }
    gone.push(...names);
  }
};

const tombstone = async (client: EventStoreDBClient, name: string, deadline: number): Promise<void> => {
  try {
    await client.tombstoneStream(name, { deadline });
  } catch (error) {
    if (!(error instanceof StreamDeletedError)) throw unavailable('erasing a stream', error);
  }
};
