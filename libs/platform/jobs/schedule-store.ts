import type { Pool } from 'pg';
import { withClient } from '../database/connections/pools';

/** A look at a schedule. */
export interface Begun {
  /** The start of the slot for which a run was begun; null where none was. */
  readonly slot: Date | null;
  /** ms to the next slot, by the database's clock. */
  readonly waitMs: number;
  /** The last run was marked for a time that is still to come: a clock was ahead then. */
  readonly ahead: boolean;
}

/** The right to run a schedule, in the database whatever carries the jobs. @param pool connects as the projector */
export const createScheduleStore = (pool: Pool) => {
  const isStillOurs = async (name: string, text: string, values: unknown[]): Promise<boolean> => {
    const { rows } = await withClient(pool, (client) => client.query<{ ours: boolean }>({ name, text, values }));
    return rows[0]?.ours === true;
  };
  return {
    /**
     * Begins a run where one is due and none is under way. @param token fencing token, a UUID of this run alone
     * @param leaseMs after which another process may take the run over
     */
    begin: async (schedule: string, everyMs: number, token: string, leaseMs: number): Promise<Begun> => {
      const { rows } = await withClient(pool, (client) =>
        client.query<Begun>({
          name: 'schedule-begin',
          text: 'select slot, wait_ms as "waitMs", ahead from lease.begin_run($1, $2, $3, $4)',
          values: [schedule, everyMs, token, leaseMs],
        }),
      );
      return rows[0] ?? { slot: null, waitMs: everyMs, ahead: false };
    },
    /** @returns false where another process has taken the run over */
    renew: (schedule: string, token: string, leaseMs: number): Promise<boolean> =>
      isStillOurs('schedule-renew', 'select lease.renew_run($1, $2, $3) as ours', [schedule, token, leaseMs]),
    /** Marks the slot as done. @returns false where another process has taken the run over: nothing was written */
    end: (schedule: string, token: string, slot: Date): Promise<boolean> =>
      isStillOurs('schedule-end', 'select lease.end_run($1, $2, $3) as ours', [schedule, token, slot]),
  };
};

export type ScheduleStore = ReturnType<typeof createScheduleStore>;
