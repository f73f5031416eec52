import type { Pool } from 'pg';
import { withClient } from '../database/connections/pools';

/** Seconds that a claim holds without an answer: longer than a request may take. */
const LEASE_SECONDS = 15;

/** The claim that a request holds on its idempotency key. */
export interface IdempotencyLease {
  readonly tenantId: string;
  readonly keyId: string;
  /** Counts the claims on the key: who was overtaken after the lease ran out must not settle it. */
  readonly attempt: number;
}

export interface IdempotencyClaim {
  /** The nil UUID where nobody is signed in. */
  readonly tenantId: string;
  /** UUID. */
  readonly keyId: string;
  /** The command id that a new key is bound to. */
  readonly commandId: string;
  readonly requestHash: Buffer;
}

export type IdempotencyClaimed =
  | { readonly outcome: 'claimed'; readonly commandId: string; readonly attempt: number; readonly again: boolean }
  | { readonly outcome: 'answered'; readonly status: number; readonly answer: Buffer }
  | { readonly outcome: 'mismatch' }
  | { readonly outcome: 'busy' };

export interface IdempotencyStore {
  /** Durable when it resolves. */
  claim(claim: IdempotencyClaim): Promise<IdempotencyClaimed>;
  /**
   * Keeps the answer; without one, gives the claim up and keeps the command id. Nothing where it was overtaken.
   * @param userId whose personal data the answer may hold: it goes with them
   */
  settle(
    lease: IdempotencyLease,
    status: number | undefined,
    answer: Buffer | undefined,
    userId?: string,
  ): Promise<void>;
  /** Forgets keys that are older than 24 hours. @returns how many */
  purge(): Promise<number>;
}

interface ClaimRow {
  outcome: 'c' | 'm' | 'b' | 'a';
  command_id: string;
  attempt: number;
  status: number;
  answer: Buffer;
}

const PURGE_BATCH = 5_000;

/** @param pool connects as the application's role */
export const createPostgresIdempotencyStore = (pool: Pool): IdempotencyStore => ({
  claim: async ({ tenantId, keyId, commandId, requestHash }) => {
    const { rows } = await withClient(pool, (client) =>
      client.query<ClaimRow>({
        name: 'idempotency-claim',
        text: 'select * from idempotency.claim($1, $2, $3, $4, $5)',
        values: [tenantId, keyId, commandId, requestHash, LEASE_SECONDS],
      }),
    );
    const [row] = rows;
    switch (row?.outcome) {
      case 'c':
        return {
          outcome: 'claimed',
          commandId: row.command_id,
          attempt: row.attempt,
          again: row.command_id !== commandId,
        };
      case 'a':
        return { outcome: 'answered', status: row.status, answer: row.answer };
      case 'm':
        return { outcome: 'mismatch' };
      default:
        return { outcome: 'busy' };
    }
  },
  settle: async ({ tenantId, keyId, attempt }, status, answer, userId) => {
    await withClient(pool, (client) =>
      client.query({
        name: 'idempotency-settle',
        text: 'select idempotency.settle($1, $2, $3, $4, $5, $6)',
        values: [tenantId, keyId, attempt, status ?? null, answer ?? null, userId ?? null],
      }),
    );
  },
  purge: async () => {
    for (let total = 0; ; ) {
      const { rows } = await withClient(pool, (client) =>
        client.query<{ purged: number }>('select idempotency.purge($1) as purged', [PURGE_BATCH]),
      );
      const purged = rows[0]?.purged ?? 0;
      total += purged;
      if (purged < PURGE_BATCH) return total;
    }
  },
});
