import type { Pool } from 'pg';
import { sleep } from '../platform/backoff';
import { withClient } from '../platform/database/pools';
import type { ScopedDb, Statement } from '../platform/database/scoped-db';
import { uuidv7 } from '../platform/ids/uuid';

/** Seconds after which the turn of a killed process is another's, and ms between two renewals of one that lives. */
const TURN = { seconds: 10, renewMs: 3_000 };
/** ms between two tries to have it. */
const TRY_MS = 50;

/** Somebody else has something changed for the company, and it was not waited for any longer. */
export class AnotherIsUnderWay extends Error {
  override readonly name = 'AnotherIsUnderWay';
}

const TAKE: Statement = { name: 'take-turn', text: 'select billing.take_turn($1, $2, $3) as taken' };
const END: Statement = { name: 'end-turn', text: 'delete from billing.turns where tenant_id = $1 and holder = $2' };

type Ask = (
  tenantId: string,
  statement: Statement,
  values: (string | number)[],
) => Promise<{ readonly taken?: boolean }[]>;

const createTurns = (ask: Ask) => ({
  /**
   * Does it while nobody else has anything changed for the company, in whichever process.
   * @param waitMs for which another one is waited for @throws AnotherIsUnderWay
   */
  inTurn: async <T>(tenantId: string, waitMs: number, work: () => Promise<T>): Promise<T> => {
    const holder = uuidv7();
    const take = async (): Promise<boolean> =>
      (await ask(tenantId, TAKE, [tenantId, holder, TURN.seconds]))[0]?.taken === true;
    for (const end = Date.now() + waitMs; !(await take()); await sleep(TRY_MS))
      if (Date.now() >= end) throw new AnotherIsUnderWay('another change is under way');
    const renewal = setInterval(() => void take().catch(() => undefined), TURN.renewMs);
    try {
      return await work();
    } finally {
      clearInterval(renewal);
      // Whoever waits has it a few seconds later where this fails.
      await ask(tenantId, END, [tenantId, holder]).catch(() => undefined);
    }
  },
});

export type Turns = ReturnType<typeof createTurns>;

/** For those who act for a company. */
export const createTenantTurns = (db: ScopedDb): Turns =>
  createTurns((tenantId, statement, values) => db.tenant(tenantId).query(statement, values));

/** @param pool connects as the projector */
export const createWorkerTurns = (pool: Pool): Turns =>
  createTurns(
    async (_, statement, values) => (await withClient(pool, (it) => it.query({ ...statement, values }))).rows,
  );
