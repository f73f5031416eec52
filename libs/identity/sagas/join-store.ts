import type { Pool } from 'pg';
import { withClient } from '#platform/database/connections/pools';
import { tokenClass } from '#platform/token-class';

/** A new user who joins a tenant, with all ids that the join uses. The request or a sweeper completes it. */
export interface Join {
  readonly userId: string;
  readonly tenantId: string;
  readonly tokenHash: string;
  readonly emailDomain: string;
  /** UUID: the command that it began with; those of its appends derive from it. */
  readonly commandId: string;
  readonly correlationId: string;
  /** When the address was claimed: the moment by which the invitation is judged. */
  readonly claimedAt: Date;
}

export interface JoinClaim extends Omit<Join, 'claimedAt'> {
  readonly email: string;
  readonly emailKey: string;
  readonly personName: string;
  readonly passwordHash: string;
}

export type JoinClaimed =
  | { readonly outcome: 'taken' }
  | {
      readonly outcome: 'claimed' | 'resumed';
      readonly userId: string;
      readonly createdAt: Date;
      readonly claimedAt: Date;
    };

/** @param pool connects as the app role, or as the projector for {@link JoinStore.takeUnfinished} and purging */
export const createJoinStore = (pool: Pool) => ({
  /** Claims the address; the same command finds its own claim again. */
  claim: async (claim: JoinClaim): Promise<JoinClaimed> => {
    const { rows } = await withClient(pool, (client) =>
      client.query<JoinClaimed>({
        name: 'claim-join',
        text: `select outcome, user_id as "userId", created_at as "createdAt", claimed_at as "claimedAt"
          from identity.claim_join($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
        values: [
          claim.userId,
          claim.email,
          claim.emailKey,
          claim.personName,
          claim.passwordHash,
          claim.tenantId,
          claim.tokenHash,
          claim.emailDomain,
          claim.commandId,
          claim.correlationId,
        ],
      }),
    );
    return rows[0] ?? { outcome: 'taken' };
  },

  /** The user may sign in from now on. */
  complete: async (userId: string): Promise<void> => {
    await withClient(pool, (client) => client.query('select identity.complete_join($1)', [userId]));
  },

  /** The invitation could not be used: nothing is left of the user. */
  release: async (userId: string): Promise<void> => {
    await withClient(pool, (client) => client.query('select identity.release_join($1)', [userId]));
  },

  /** Joins that nobody has worked on for so many seconds, each given to one caller. */
  takeUnfinished: async (olderSeconds: number, limit: number): Promise<Join[]> => {
    const { rows } = await withClient(pool, (client) =>
      client.query<Join>(
        `select user_id as "userId", tenant_id as "tenantId", token_hash as "tokenHash",
           email_domain as "emailDomain", command_id as "commandId", correlation_id as "correlationId",
           claimed_at as "claimedAt" from identity.take_unfinished_joins($1, $2)`,
        [olderSeconds, limit],
      ),
    );
    return rows;
  },

  /** Forgets joins that were completed so many hours ago. */
  purge: async (olderHours: number): Promise<void> => {
    await withClient(pool, (client) => client.query('select identity.purge_joins($1)', [olderHours]));
  },
});

export abstract class JoinStore extends tokenClass<ReturnType<typeof createJoinStore>>() {}
