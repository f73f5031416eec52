import type { Pool } from 'pg';
import { withClient } from '#platform/database/connections/pools';
import { isDataError } from '#platform/database/data-error';
import type { ScopedDb, Statement } from '#platform/database/scoped/scoped-db';
import type { Logger } from '#platform/logging/logger.port';

/** ms between two flushes: what a killed process has not told of by then is not counted. */
const FLUSH_MS = 1_000;
/** Tenants that one process remembers; beyond them those are forgotten that do not call at the moment. */
const CAPACITY = 200_000;
/** Tenants of one statement. */
const AT_ONCE = 1_000;

interface Count {
  /** Calls of all processes, as the database told last. */
  known: number;
  /** Counted here since. */
  fresh: number;
  /** Being told of. */
  flushing: number;
}

/** What became of one more call. */
export interface ApiCallsTaken {
  /** False: it would have been one too many, and was not counted. */
  readonly taken: boolean;
  /** In this month, this one too where it was taken, as far as this process knows. */
  readonly used: number;
}

const MADE: Statement = {
  name: 'calls-made',
  text: `select calls::float8 as calls from plans.api_calls
    where tenant_id = (select nullif(current_setting('app.tenant_id', true), '')::uuid) and month = $1`,
};

/** The first day of the month, UTC. */
const monthOf = (time: number): string => `${new Date(time).toISOString().slice(0, 7)}-01`;

/** Seconds until the next month begins. */
export const secondsLeft = (time: number): number => {
  const now = new Date(time);
  return Math.ceil((Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + 1, 1) - time) / 1_000);
};

export interface ApiCallsDeps {
  /** Connects as the app role. */
  readonly pool: Pool;
  readonly db: ScopedDb;
  readonly logger: Logger;
  readonly flushMs?: number;
  readonly now?: () => number;
}

/**
 * Counts the calls of each tenant in memory and adds them up in the database once a second, in one statement: a request
 * pays a look into a map. So two processes know of each other's within a second or two, and a tenant is over by what it
 * calls in that time at most. A process reads what it does not know of a tenant once, when it first hears of it.
 */
export const createApiCalls = ({ pool, db, logger, flushMs = FLUSH_MS, now = Date.now }: ApiCallsDeps) => {
  let month = monthOf(now());
  let counts = new Map<string, Count>();
  let running: Promise<void> | undefined;
  const looks = new Map<string, Promise<void>>();

  const countOf = (tenantId: string): Count => {
    let count = counts.get(tenantId);
    if (!count) {
      count = { known: 0, fresh: 0, flushing: 0 };
      counts.set(tenantId, count);
    }
    return count;
  };

  /** Where the database is not available nobody is kept waiting: the first flush tells the number, too. */
  const look = async (tenantId: string): Promise<void> => {
    const of = month;
    const made = await db
      .tenant(tenantId)
      .query<{ calls: number }>(MADE, [of])
      .catch((error: unknown) => {
        logger.warn({ err: error }, 'the API calls of a tenant could not be read');
        return [];
      });
    if (of !== month) return;
    const count = countOf(tenantId);
    count.known = Math.max(count.known, made[0]?.calls ?? 0);
  };

  /** Adds up what was counted; a tenant whose count the database refuses fails alone, and is not counted. */
  const tell = async (of: string, told: readonly [string, Count][]): Promise<void> => {
    try {
      await tellTogether(of, told);
    } catch (error) {
      if (!isDataError(error)) throw error;
      const [only] = told;
      if (told.length > 1) {
        const half = told.length >> 1;
        await tell(of, told.slice(0, half));
        await tell(of, told.slice(half));
      } else if (only) {
        only[1].fresh = 0;
        logger.error(
          { err: error, tenantId: only[0] },
          'the database refused the API calls of a tenant; they are not counted',
        );
      }
    }
  };

  const tellTogether = async (of: string, told: readonly [string, Count][]): Promise<void> => {
    for (const [, count] of told) {
      count.flushing = count.fresh;
      count.fresh = 0;
    }
    try {
      const { rows } = await withClient(pool, (client) =>
        client.query<{ id: string; calls: string }>({
          name: 'count-calls',
          text: 'select tenant_id as id, calls from plans.count_calls($1, $2, $3)',
          values: [told.map(([id]) => id), of, told.map(([, { flushing }]) => flushing)],
        }),
      );
      const byId = new Map(told);
      for (const { id, calls } of rows) {
        const count = byId.get(id);
        if (count) count.known = Number(calls);
      }
    } catch (error) {
      for (const [, count] of told) count.fresh += count.flushing;
      throw error;
    } finally {
      for (const [, count] of told) count.flushing = 0;
    }
  };

  const flush = async (): Promise<void> => {
    const [of, all] = [month, counts];
    if (monthOf(now()) !== month) {
      month = monthOf(now());
      counts = new Map();
    }
    const told = [...all].filter(([, { fresh }]) => fresh > 0);
    for (let at = 0; at < told.length; at += AT_ONCE) await tell(of, told.slice(at, at + AT_ONCE));
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
    /** Learns how many a tenant has made before; undefined where that is known. Never rejects, and is shared by all who wait. */
    know: (tenantId: string): Promise<void> | undefined => {
      if (counts.has(tenantId)) return undefined;
      let looking = looks.get(tenantId);
      if (!looking) {
        looking = look(tenantId).finally(() => looks.delete(tenantId));
        looks.set(tenantId, looking);
      }
      return looking;
    },
    /** One more, unless it is beyond the limit. @param limit null: as many as wanted */
    take: (tenantId: string, limit: number | null): ApiCallsTaken => {
      const count = countOf(tenantId);
      const used = count.known + count.fresh + count.flushing;
      if (limit !== null && used >= limit) return { taken: false, used };
      count.fresh += 1;
      return { taken: true, used: used + 1 };
    },
    /** Calls that the database has not been told of yet. */
    untold: (tenantId: string): number => {
      const count = counts.get(tenantId);
      return count ? count.fresh + count.flushing : 0;
    },
    /** Tells of everything. */
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
