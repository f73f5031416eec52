import type { Pool } from 'pg';
import { withClient } from '#platform/database/connections/pools';
import { sleep } from '#platform/loops/backoff';
import { tokenClass } from '#platform/token-class';

/** Half of the second within which every process must know an ended session. */
const READ_EVERY_MS = 500;
/**
 * A session gets its end time before the transaction is committed. Each read goes back this far, which is longer than
 * any statement of the API takes.
 */
const OVERLAP_SECONDS = 30;

export interface EndedSessionsOptions {
  /** Connects as the app role. */
  readonly pool: Pool;
  /** How long an access token is valid. Ended sessions are remembered for this time. */
  readonly accessTtlSeconds: number;
  /** Milliseconds between two reads; 500 by default. */
  readonly everyMs?: number;
}

/**
 * The sessions that ended, in any process, within the lifetime of an access token: their access tokens would otherwise
 * still be accepted.
 */
export const createEndedSessions = ({ pool, accessTtlSeconds, everyMs = READ_EVERY_MS }: EndedSessionsOptions) => {
  /** By session id: when this process learned of the end, in milliseconds since 1970. */
  const ended = new Map<string, number>();
  const stopping = new AbortController();
  const rememberedMs = (accessTtlSeconds + OVERLAP_SECONDS) * 1_000;
  let readAt = Date.now() - rememberedMs;
  let watching: Promise<void> | undefined;
  let notify = (): void => undefined;

  /** @returns the ids of the sessions that this process did not know as ended */
  const read = async (): Promise<string[]> => {
    const at = Date.now();
    const withinSeconds = Math.ceil((at - readAt) / 1_000) + OVERLAP_SECONDS;
    const { rows } = await withClient(pool, (client) =>
      client.query<{ id: string }>({
        name: 'ended-sessions',
        text: 'select session_id as id from identity.ended_sessions($1)',
        values: [withinSeconds],
      }),
    );
    readAt = at;
    const fresh = rows.flatMap(({ id }) => (ended.has(id) ? [] : [id]));
    for (const id of fresh) ended.set(id, at);
    // Entries are in the order of these times.
    for (const [id, since] of ended) {
      if (since > at - rememberedMs) break;
      ended.delete(id);
    }
    return fresh;
  };

  return {
    has: (sessionId: string): boolean => ended.has(sessionId),
    /** Adds sessions that this process has ended, without waiting for the next read. */
    note: (sessionIds: readonly string[]): void => {
      const at = Date.now();
      for (const id of sessionIds) if (!ended.has(id)) ended.set(id, at);
      notify();
    },
    /**
     * Reads ended sessions now, then at intervals, and calls `onEnded` when there are new ones. While the database is
     * not available it learns of no new ones; it reads them all as soon as the database is available again.
     * @throws the error of the database if the first read fails
     */
    watch: async (onEnded: () => void): Promise<void> => {
      notify = onEnded;
      await read();
      watching = (async () => {
        for (await sleep(everyMs, stopping.signal); !stopping.signal.aborted; await sleep(everyMs, stopping.signal)) {
          const fresh = await read().catch(() => []);
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
