import { StreamDeletedError } from '@eventstore/db-client';
import { type Position, START } from '../port';
import type { Connection } from './connection';
import { unavailable } from './errors';
import { Horizon } from './horizon';
import type { Categories } from './read/categories';
import { readHead } from './read/client-reads';
import { SubscriptionSource } from './read/subscription-source';

/** Tombstones on the wire at the same time. */
const AT_ONCE = 8;
const BATCH = 10_000;

interface Erasing {
  readonly connection: Connection;
  readonly categories: Categories;
  readonly idleMs: number;
}

/** The tenant's streams that are not tombstoned: by the links of its category, and of the rest from a look at the log. */
const liveStreams = async ({ connection, categories, idleMs }: Erasing, tenantId: string): Promise<Set<string>> => {
  const names = new Set<string>();
  const head = await readHead(connection, idleMs);
  const linked = await categories.read(tenantId, START, Number.POSITIVE_INFINITY, ({ event }) => {
    if (event) names.add(event.streamId);
    return undefined;
  });
  const after: Position = linked?.position ?? START;
  const source = new SubscriptionSource(connection, {
    after,
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
 * @throws LogUnavailable some streams may be gone already; a repeat continues
 */
export const tombstoneStreams = async (erasing: Erasing, tenantId: string): Promise<string[]> => {
  const gone: string[] = [];
  for (;;) {
    const names = [...(await liveStreams(erasing, tenantId))].filter((name) => !gone.includes(name));
    if (names.length === 0) return gone;
    for (let i = 0; i < names.length; i += AT_ONCE) {
      await Promise.all(names.slice(i, i + AT_ONCE).map((name) => tombstone(erasing, name)));
    }
    gone.push(...names);
  }
};

const tombstone = async ({ connection, idleMs }: Erasing, name: string): Promise<void> => {
  try {
    await connection.client.tombstoneStream(name, { deadline: idleMs, requiresLeader: true });
  } catch (error) {
    if (!(error instanceof StreamDeletedError)) throw unavailable('erasing a stream', error);
  }
};
