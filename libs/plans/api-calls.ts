import type { Pool } from 'pg';
import { withClient } from '#platform/database/connections/pools';
import { isDataError } from '#platform/database/data-error';
import type { ScopedDb, Statement } from '#platform/database/scoped/scoped-db';
import type { Logger } from '#platform/logging/logger.port';

/** ms between two flushes. When a process is killed, the calls since its last flush are not counted. */
const FLUSH_MS = 1_000;
/** Number of tenants above which a process forgets those that have no calls to flush. */
const CAPACITY = 200_000;
/** Maximum number of tenants in one statement. */
const AT_ONCE = 1_000;

interface Count {
  /** Calls of all processes in this month, as the database last reported them. */
  stored: number;
  /** Calls that this process counted and has not begun to flush. */
  fresh: number;
  /** Calls that this process is writing to the database at present. */
  flushing: number;
}

/** The result of counting one more call. */
export interface ApiCallsTaken {
  /** False: the limit is reached, and the call was not counted. */
  readonly taken: boolean;
  /** Calls in this month as far as this process knows, including this one if it was counted. */
  readonly used: number;
}

const STORED_CALLS: Statement = {
  name: 'stored-api-calls',
  text: `select calls::float8 as calls from plans.api_calls
    where tenant_id = (select nullif(current_setting('app.tenant_id', true), '')::uuid) and month = $1`,
};

/** The first day of the month, UTC. */
const monthOf = (time: number): string => `${new Date(time).toISOString().slice(0, 7)}-01`;

/** Seconds until the next calendar month (UTC) begins, rounded up. @param time ms since 1970 */
export const secondsLeft = (time: number): number => {
  const now = new Date(time);
  return Math.ceil((Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + 1, 1) - time) / 1_000);
};

export interface ApiCallsDeps {
  /** Connects as the app role. */
  readonly pool: Pool;
  readonly db: ScopedDb;
  readonly logger: Logger;
  /** ms between two flushes; 1,000 by default. */
  readonly flushMs?: number;
  /** ms since 1970. */
  readonly now?: () => number;
}

/**
 * Counts the API calls of each tenant in memory, and adds them to the database once a second in one statement, so that
 * a request only reads a map. Each process knows the calls of the others after a second or two; a tenant exceeds its
 * limit at most by its calls in that time. When a process receives the first call of a tenant, it reads the stored
 * calls once.
 */
export const createApiCalls = ({ pool, db, logger, flushMs = FLUSH_MS, now = Date.now }: ApiCallsDeps) => {
  let month = monthOf(now());
  let counts = new Map<string, Count>();
  let running: Promise<void> | undefined;
  const reads = new Map<string, Promise<void>>();

  const countOf = (tenantId: string): Count => {
    let count = counts.get(tenantId);
    if (!count) {
      count = { stored: 0, fresh: 0, flushing: 0 };
      counts.set(tenantId, count);
    }
    return count;
  };

  /**
   * Never rejects: if the database is not available, requests do not wait, and the first flush returns the number, too.
   */
  const readStored = async (tenantId: string): Promise<void> => {
    const readMonth = month;
    const rows = await db
      .tenant(tenantId)
      .query<{ calls: number }>(STORED_CALLS, [readMonth])
      .catch((error: unknown) => {
        logger.warn({ err: error }, 'the API calls of a tenant could not be read');
        return [];
      });
    if (readMonth !== month) return;
    const count = countOf(tenantId);
    count.stored = Math.max(count.stored, rows[0]?.calls ?? 0);
  };

  /** Writes counts to the database. If it refuses the count of a tenant, only that count is lost. */
  const write = async (ofMonth: string, counted: readonly [string, Count][]): Promise<void> => {
    try {
      await writeTogether(ofMonth, counted);
    } catch (error) {
      if (!isDataError(error)) throw error;
      const [only] = counted;
      if (counted.length > 1) {
        const half = counted.length >> 1;
        await write(ofMonth, counted.slice(0, half));
        await write(ofMonth, counted.slice(half));
      } else if (only) {
        only[1].fresh = 0;
        logger.error(
          { err: error, tenantId: only[0] },
          'the database refused the API calls of a tenant; they are not counted',
        );
      }
    }
  };

  /** Writes counts in one statement. If it fails, they stay counted in memory. */
  const writeTogether = async (ofMonth: string, counted: readonly [string, Count][]): Promise<void> => {
    for (const [, count] of counted) {
      count.flushing = count.fresh;
      count.fresh = 0;
    }
    try {
      const { rows } = await withClient(pool, (client) =>
        client.query<{ id: string; calls: string }>({
          name: 'count-calls',
          text: 'select tenant_id as id, calls from plans.count_calls($1, $2, $3)',
          values: [counted.map(([id]) => id), ofMonth, counted.map(([, { flushing }]) => flushing)],
        }),
      );
      const byId = new Map(counted);
      for (const { id, calls } of rows) {
        const count = byId.get(id);
        if (count) count.stored = Number(calls);
      }
    } catch (error) {
      for (const [, count] of counted) count.fresh += count.flushing;
      throw error;
    } finally {
      for (const [, count] of counted) count.flushing = 0;
    }
  };

  const flush = async (): Promise<void> => {
    const [ofMonth, all] = [month, counts];
    if (monthOf(now()) !== month) {
      month = monthOf(now());
      counts = new Map();
    }
    const counted = [...all].filter(([, { fresh }]) => fresh > 0);
    for (let at = 0; at < counted.length; at += AT_ONCE) await write(ofMonth, counted.slice(at, at + AT_ONCE));
    if (all === counts && all.size > CAPACITY) for (const [id, { fresh }] of all) if (fresh === 0) all.delete(id);
  };

  const flushOnce = (): Promise<void> => {
    running ??= flush().finally(() => {
      running = undefined;
    });
    return running;
  };

  const timer = setInterval(() => {
    flushOnce().catch((error: unknown) =>
      logger.warn({ err: error }, 'API calls could not be stored; they are stored later'),
    );
  }, flushMs);
  timer.unref();

  return {
    /**
     * Reads the stored calls of a tenant if this process does not know them yet. Must be awaited before the first
     * `take`.
     * @returns undefined if they are known. The promise never rejects; all callers that wait share it.
     */
    load: (tenantId: string): Promise<void> | undefined => {
      if (counts.has(tenantId)) return undefined;
      let reading = reads.get(tenantId);
      if (!reading) {
        reading = readStored(tenantId).finally(() => reads.delete(tenantId));
        reads.set(tenantId, reading);
      }
      return reading;
    },
    /** Counts one more call, unless the limit is reached. @param limit null: no limit */
    take: (tenantId: string, limit: number | null): ApiCallsTaken => {
      const count = countOf(tenantId);
      const used = count.stored + count.fresh + count.flushing;
      if (limit !== null && used >= limit) return { taken: false, used };
      count.fresh += 1;
      return { taken: true, used: used + 1 };
    },
    /** Calls of a tenant that this process has counted and not stored yet. */
    unflushed: (tenantId: string): number => {
      const count = counts.get(tenantId);
      return count ? count.fresh + count.flushing : 0;
    },
    /**
     * Stores all counted calls and ends the flushes. Never rejects: calls that cannot be stored are lost and logged.
     */
    close: async (): Promise<void> => {
      clearInterval(timer);
      await flushOnce().catch(() => undefined);
      await flushOnce().catch((error: unknown) =>
        logger.warn({ err: error }, 'the last API calls before the stop were not stored'),
      );
    },
  };
};

export type ApiCalls = ReturnType<typeof createApiCalls>;
