import type { Pool } from 'pg';
import { withClient } from '#platform/database/connections/pools';
import { tokenClass } from '#platform/token-class';

/** A sign-up with all the ids that it uses. The request or a sweeper completes it. */
export interface SignUp {
  readonly userId: string;
  readonly tenantId: string;
  readonly companyName: string;
  readonly slug: string;
  /** UUID: the command that it began with; those of its appends derive from it. */
  readonly commandId: string;
  readonly correlationId: string;
}

export interface SignUpClaim extends SignUp {
  readonly email: string;
  readonly emailKey: string;
  readonly personName: string;
  readonly passwordHash: string;
}

export type SignUpClaimed =
  | { readonly outcome: 'taken' }
  | {
      readonly outcome: 'claimed' | 'resumed';
      readonly userId: string;
      readonly tenantId: string;
      readonly slug: string;
      readonly createdAt: Date;
    };

const COLUMNS = `user_id as "userId", tenant_id as "tenantId", slug`;

/** @param pool connects as the app role, or as the projector for {@link SignUpStore.takeUnfinished} */
export const createSignUpStore = (pool: Pool) => ({
  /** Claims the address; the same command finds its own claim again. */
  claim: async (claim: SignUpClaim): Promise<SignUpClaimed> => {
    const { rows } = await withClient(pool, (client) =>
      client.query<SignUpClaimed>({
        name: 'claim-sign-up',
        text: `select outcome, ${COLUMNS}, created_at as "createdAt"
          from identity.claim_sign_up($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
        values: [
          claim.userId,
          claim.email,
          claim.emailKey,
          claim.personName,
          claim.passwordHash,
          claim.tenantId,
          claim.companyName,
          claim.slug,
          claim.commandId,
          claim.correlationId,
        ],
      }),
    );
    return rows[0] ?? { outcome: 'taken' };
  },

  /** The user may sign in from now on. */
  complete: async (userId: string): Promise<void> => {
    await withClient(pool, (client) => client.query('select identity.complete_sign_up($1)', [userId]));
  },

  /** Sign-ups that nobody has worked on for so many seconds, each given to one caller. */
  takeUnfinished: async (olderSeconds: number, limit: number): Promise<SignUp[]> => {
    const { rows } = await withClient(pool, (client) =>
      client.query<SignUp>(
        `select ${COLUMNS}, tenant_name as "companyName", command_id as "commandId",
           correlation_id as "correlationId" from identity.take_unfinished_sign_ups($1, $2)`,
        [olderSeconds, limit],
      ),
    );
    return rows;
  },

  /** Forgets sign-ups that were completed so many hours ago, and sessions that ran out before that. */
  purge: async (olderHours: number): Promise<void> => {
    await withClient(pool, (client) => client.query('select identity.purge($1)', [olderHours]));
  },
});

export abstract class SignUpStore extends tokenClass<ReturnType<typeof createSignUpStore>>() {}
