import { StreamDeletedError } from '@eventstore/db-client';
import { type Position, START } from '../port';
import type { Connection } from './connection';
import { unavailable } from './errors';
import { Horizon } from './horizon';
import type { Categories } from './read/categories';
import { readHead } from './read/client-reads';
import { SubscriptionSource } from './read/subscription-source';

/** The maximum number of tombstones that are sent at the same time. */
const MAX_PARALLEL = 8;
const BATCH = 10_000;

interface Deps {
  readonly connection: Connection;
  readonly categories: Categories;
  readonly idleMs: number;
}

/**
 * The names of the tenant's streams that are not tombstoned: from the links of its category, and for later events from
 * the log itself.
 */
const liveStreams = async ({ connection, categories, idleMs }: Deps, tenantId: string): Promise<Set<string>> => {
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
    convert: ({ event }) => {
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
 * Tombstones every stream of the tenant. Unlike a soft delete, a tombstone is permanent: no later append can create the
 * stream again. New streams that are created in the meantime are found by the next round.
 * @returns the names of the streams that were tombstoned
 * @throws LogUnavailable some streams may be tombstoned already; a repeat continues
 */
export const tombstoneStreams = async (deps: Deps, tenantId: string): Promise<string[]> => {
  const tombstoned: string[] = [];
  for (;;) {
    const names = [...(await liveStreams(deps, tenantId))].filter((name) => !tombstoned.includes(name));
    if (names.length === 0) return tombstoned;
    for (let i = 0; i < names.length; i += MAX_PARALLEL) {
      await Promise.all(names.slice(i, i + MAX_PARALLEL).map((name) => tombstone(deps, name)));
    }
    tombstoned.push(...names);
  }
};

const tombstone = async ({ connection, idleMs }: Deps, name: string): Promise<void> => {
  try {
    await connection.client.tombstoneStream(name, { deadline: idleMs, requiresLeader: true });
  } catch (error) {
    if (!(error instanceof StreamDeletedError)) throw unavailable('a stream could not be tombstoned', error);
  }
};
