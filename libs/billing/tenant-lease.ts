import type { Pool } from 'pg';
import { withClient } from '#platform/database/connections/pools';
import type { ScopedDb, Statement } from '#platform/database/scoped/scoped-db';
import { uuidv7 } from '#platform/ids/uuid';
import { whileHeld } from '#platform/lease/held-lease';
import { sleep } from '#platform/loops/backoff';

/** Seconds after which the turn of a killed process is another's. */
const TURN_SECONDS = 10;
/** ms between two tries to have it. */
const TRY_MS = 50;

/** Somebody else has something changed for the tenant, and it was not waited for any longer. */
export class TenantLeaseTaken extends Error {
  override readonly name = 'AnotherIsUnderWay';
}

/** The right to have something changed for a tenant, in one process at a time. */
export interface TenantLease {
  /** Fencing token, a UUID: what is written in the turn checks it in the same statement. */
  readonly token: string;
  /** Aborts with `LeaseLost` where another process may have the turn. */
  readonly signal: AbortSignal;
}

const TAKE: Statement = { name: 'take-turn', text: 'select billing.take_turn($1, $2, $3) as taken' };
const RENEW: Statement = {
  name: 'renew-turn',
  text: `update billing.turns set until = lease.now() + make_interval(secs => $3)
    where tenant_id = $1 and holder = $2 returning true as taken`,
};
const END: Statement = { name: 'end-turn', text: 'delete from billing.turns where tenant_id = $1 and holder = $2' };

type Ask = (
  tenantId: string,
  statement: Statement,
  values: (string | number)[],
) => Promise<{ readonly taken?: boolean }[]>;

const createTurns = (ask: Ask) => ({
  /**
   * Does it while nobody else has anything changed for the tenant, in whichever process.
   * @param waitMs for which another one is waited for @throws AnotherIsUnderWay
   */
  inTurn: async <T>(tenantId: string, waitMs: number, work: (turn: TenantLease) => Promise<T>): Promise<T> => {
    const token = uuidv7();
    const ours = async (statement: Statement): Promise<boolean> =>
      (await ask(tenantId, statement, [tenantId, token, TURN_SECONDS]))[0]?.taken === true;
    for (const end = performance.now() + waitMs; !(await ours(TAKE)); await sleep(TRY_MS))
      if (performance.now() >= end) throw new TenantLeaseTaken('another change is in progress');
    try {
      return await whileHeld({ leaseMs: TURN_SECONDS * 1_000, renew: () => ours(RENEW) }, (signal) =>
        work({ token, signal }),
      );
    } finally {
      // Another process has the turn a few seconds later where this fails.
      await ask(tenantId, END, [tenantId, token]).catch(() => undefined);
    }
  },
});

export type TenantLeases = ReturnType<typeof createTurns>;

/** For those who act for a tenant. */
export const createTenantLeases = (db: ScopedDb): TenantLeases =>
  createTurns((tenantId, statement, values) => db.tenant(tenantId).query(statement, values));

/** @param pool connects as the projector */
export const createWorkerLeases = (pool: Pool): TenantLeases =>
  createTurns(
    async (_, statement, values) => (await withClient(pool, (it) => it.query({ ...statement, values }))).rows,
  );
