import type { Pool } from 'pg';
import { withClient } from '../database/connections/pools';

/** Seconds after which a claim without an answer expires: longer than a request may take. */
const LEASE_SECONDS = 15;

/** The claim that a request holds on its idempotency key. */
export interface IdempotencyLease {
  readonly tenantId: string;
  readonly keyId: string;
  /**
   * The number of the claim on this key, from 1. A request whose claim expired and was followed by another cannot
   * settle.
   */
  readonly attempt: number;
}

export interface IdempotencyClaim {
  /** The nil UUID for a request without a signed-in user. */
  readonly tenantId: string;
  /** UUID. */
  readonly keyId: string;
  /** The command id that a new key is bound to. */
  readonly commandId: string;
  readonly requestHash: Buffer;
}

/**
 * - `claimed`: the request may be processed, under `commandId`. `again`: an earlier request claimed the key before, and
 *   the command id is the one of that request
 * - `answered`: the same request was answered before, with this answer
 * - `mismatch`: the key was used for a request with another hash
 * - `busy`: another request holds the claim
 */
export type IdempotencyClaimed =
  | { readonly outcome: 'claimed'; readonly commandId: string; readonly attempt: number; readonly again: boolean }
  | {
      readonly outcome: 'answered';
      readonly status: number;
      readonly answer: Buffer;
      /** The number of the claim whose answer it is. */
      readonly attempt: number;
      /** SHA-256 of the refresh token in the answer; null: it has none. */
      readonly tokenHash: Buffer | null;
    }
  | { readonly outcome: 'mismatch' }
  | { readonly outcome: 'busy' };

/** The answer to a request. */
export interface StoredAnswer {
  readonly status: number;
  readonly answer: Buffer;
  /** The user whose personal data it may contain: erasing the user erases the answer. */
  readonly userId: string | undefined;
  /** SHA-256 of the refresh token in it. */
  readonly tokenHash: Buffer | undefined;
}

export interface IdempotencyStore {
  /** The claim is durable when the promise resolves. */
  claim(claim: IdempotencyClaim): Promise<IdempotencyClaimed>;
  /**
   * Stores the answer. Without an answer, releases the claim and keeps the command id for the next one. Does nothing if
   * a later claim exists.
   */
  settle(lease: IdempotencyLease, answer: StoredAnswer | undefined): Promise<void>;
  /** Deletes the answer of a claim. The next request with the key runs the command again, under the same id. */
  discard(lease: IdempotencyLease): Promise<void>;
  /** Deletes the keys that are older than 24 hours. @returns how many were deleted */
  purge(): Promise<number>;
}

interface ClaimRow {
  outcome: 'c' | 'm' | 'b' | 'a';
  command_id: string;
  attempt: number;
  status: number;
  answer: Buffer;
  token_hash: Buffer | null;
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
        return {
          ...{ outcome: 'answered', status: row.status, answer: row.answer },
          ...{ attempt: row.attempt, tokenHash: row.token_hash },
        };
      case 'm':
        return { outcome: 'mismatch' };
      default:
        return { outcome: 'busy' };
    }
  },
  settle: async ({ tenantId, keyId, attempt }, settled) => {
    const { status, answer, userId, tokenHash } = settled ?? {};
    await withClient(pool, (client) =>
      client.query({
        name: 'idempotency-settle',
        text: 'select idempotency.settle($1, $2, $3, $4, $5, $6, $7)',
        values: [tenantId, keyId, attempt, status ?? null, answer ?? null, userId ?? null, tokenHash ?? null],
      }),
    );
  },
  discard: async ({ tenantId, keyId, attempt }) => {
    await withClient(pool, (client) =>
      client.query({
        name: 'idempotency-discard',
        text: 'select idempotency.discard($1, $2, $3)',
        values: [tenantId, keyId, attempt],
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
