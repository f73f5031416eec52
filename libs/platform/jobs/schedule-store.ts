import type { Pool } from 'pg';
import { withClient } from '../database/connections/pools';

/** The result of an attempt to begin a run. */
export interface RunAttempt {
  /** The start of the slot for which a run was begun; null if none was begun. */
  readonly slot: Date | null;
  /** ms until the next slot, by the database's clock. */
  readonly waitMs: number;
  /** True if the slot of the last run is in the future: a clock was fast then. */
  readonly ahead: boolean;
}

/** The leases of schedules, which are in PostgreSQL for every transport. @param pool connects as the projector */
export const createScheduleStore = (pool: Pool) => {
  const ownsRun = async (name: string, text: string, values: unknown[]): Promise<boolean> => {
    const { rows } = await withClient(pool, (client) => client.query<{ ours: boolean }>({ name, text, values }));
    return rows[0]?.ours === true;
  };
  return {
    /**
     * Begins a run if one is due and none is in progress.
     * @param token fencing token, a UUID that only this run uses
     * @param leaseMs ms after which another process may take over the run
     */
    begin: async (schedule: string, everyMs: number, token: string, leaseMs: number): Promise<RunAttempt> => {
      const { rows } = await withClient(pool, (client) =>
        client.query<RunAttempt>({
          name: 'schedule-begin',
          text: 'select slot, wait_ms as "waitMs", ahead from lease.begin_run($1, $2, $3, $4)',
          values: [schedule, everyMs, token, leaseMs],
        }),
      );
      return rows[0] ?? { slot: null, waitMs: everyMs, ahead: false };
    },
    /** Extends the lease to `leaseMs` ms from now. @returns false if another process has taken over the run */
    renew: (schedule: string, token: string, leaseMs: number): Promise<boolean> =>
      ownsRun('schedule-renew', 'select lease.renew_run($1, $2, $3) as ours', [schedule, token, leaseMs]),
    /** Marks the slot as done. @returns false if another process has taken over the run; nothing was written then */
    end: (schedule: string, token: string, slot: Date): Promise<boolean> =>
      ownsRun('schedule-end', 'select lease.end_run($1, $2, $3) as ours', [schedule, token, slot]),
  };
};

export type ScheduleStore = ReturnType<typeof createScheduleStore>;
