import type { Pool } from 'pg';
import { withClient } from '#platform/database/connections/pools';
import { sleep } from '#platform/loops/backoff';
import { tokenClass } from '#platform/token-class';

/** Half of the second within which an ended session has to be known everywhere. */
const LOOK_MS = 500;
/** A session's end is dated before it is committed: no statement of the API takes longer than this in between. */
const OVERLAP_SECONDS = 30;

export interface EndedSessionsOptions {
  /** Connects as the app role. */
  readonly pool: Pool;
  /** How long an access token is valid for: as long an ended session has to be remembered. */
  readonly accessTtlSeconds: number;
  /** Milliseconds between two looks; 500 by default. */
  readonly everyMs?: number;
}

/**
 * The sessions that have ended while access tokens of theirs may still be about, whichever process ended them. Holds
 * those of one lifetime of an access token.
 */
export const createEndedSessions = ({ pool, accessTtlSeconds, everyMs = LOOK_MS }: EndedSessionsOptions) => {
  /** The time, in ms since 1970, at which each was first heard of. */
  const ended = new Map<string, number>();
  const stopping = new AbortController();
  const rememberedMs = (accessTtlSeconds + OVERLAP_SECONDS) * 1_000;
  let lookedAt = Date.now() - rememberedMs;
  let watching: Promise<void> | undefined;
  let tell = (): void => undefined;

  const look = async (): Promise<string[]> => {
    const at = Date.now();
    const withinSeconds = Math.ceil((at - lookedAt) / 1_000) + OVERLAP_SECONDS;
    const { rows } = await withClient(pool, (client) =>
      client.query<{ id: string }>({
        name: 'ended-sessions',
        text: 'select session_id as id from identity.ended_sessions($1)',
        values: [withinSeconds],
      }),
    );
    lookedAt = at;
    const fresh = rows.flatMap(({ id }) => (ended.has(id) ? [] : [id]));
    for (const id of fresh) ended.set(id, at);
    // In the order in which they came.
    for (const [id, since] of ended) {
      if (since > at - rememberedMs) break;
      ended.delete(id);
    }
    return fresh;
  };

  return {
    has: (sessionId: string): boolean => ended.has(sessionId),
    /** Learns at once of sessions that this process has ended. */
    note: (sessionIds: readonly string[]): void => {
      const at = Date.now();
      for (const id of sessionIds) if (!ended.has(id)) ended.set(id, at);
      tell();
    },
    /**
     * Looks now, then again and again; `onEnded` is called whenever there are new ones. While the database is not available it knows
     * of no new ones, and catches up afterwards.
     * @throws what the first look throws
     */
    watch: async (onEnded: () => void): Promise<void> => {
      tell = onEnded;
      await look();
      watching = (async () => {
        for (await sleep(everyMs, stopping.signal); !stopping.signal.aborted; await sleep(everyMs, stopping.signal)) {
          const fresh = await look().catch(() => []);
          if (fresh.length > 0) onEnded();
        }
      })();
    },
    close: async (): Promise<void> => {
      stopping.abort();
      await watching;
    },
  };
};

export abstract class EndedSessions extends tokenClass<ReturnType<typeof createEndedSessions>>() {}
