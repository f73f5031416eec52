import type { Pool } from 'pg';
import { type Access, accessJson } from '#access/access';
import { withClient } from '#platform/database/connections/pools';
import { tokenClass } from '#platform/token-class';
import type { SagaClaim } from './saga';
import { createSagaFunctions } from './saga-functions';

/** A sign-up with all ids that it uses. */
export interface SignUp extends SagaClaim {
  readonly tenantId: string;
  readonly companyName: string;
  readonly slug: string;
}

export interface SignUpClaim extends Omit<SignUp, 'accessId'> {
  readonly access: Access;
  readonly email: string;
  readonly emailKey: string;
  readonly personName: string;
  readonly passwordHash: string;
}

/** If the outcome is `resumed`, the ids are those of the earlier attempt. */
type ClaimedRow = Pick<SignUp, 'userId' | 'tenantId' | 'slug' | 'accessId'> & {
  readonly outcome: 'claimed' | 'resumed' | 'taken';
  readonly createdAt: Date;
};

const COLUMNS = `user_id as "userId", tenant_id as "tenantId", slug, access_id as "accessId"`;

/** @param pool connects as the app role, or as the projector for `takeUnfinished` and `purge` */
export const createSignUpStore = (pool: Pool) => {
  const functions = createSagaFunctions(pool);
  return {
    /**
     * Claims the e-mail address. The same command finds its own claim again.
     * @returns undefined if the address belongs to another user or claim
     */
    claim: async (claim: SignUpClaim): Promise<(SignUp & { readonly createdAt: Date }) | undefined> => {
      const { rows } = await withClient(pool, (client) =>
        client.query<ClaimedRow>({
          name: 'claim-sign-up',
          text: `select outcome, ${COLUMNS}, created_at as "createdAt"
            from identity.claim_sign_up($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
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
            accessJson(claim.access),
          ],
        }),
      );
      const [row] = rows;
      if (!row || row.outcome === 'taken') return undefined;
      const { companyName, commandId, correlationId } = claim;
      const { userId, tenantId, slug, createdAt, accessId } = row;
      return { userId, tenantId, companyName, slug, commandId, correlationId, accessId, createdAt };
    },

    /** Lets the user sign in. */
    complete: functions.call<string>('complete_sign_up'),

    takeUnfinished: functions.takeUnfinished<SignUp>(
      'take_unfinished_sign_ups',
      `${COLUMNS}, tenant_name as "companyName", command_id as "commandId", correlation_id as "correlationId"`,
    ),

    /**
     * Deletes sign-ups that were completed, and sessions that expired, more than this number of hours ago.
     * @param now the time of this process. For sessions, the earlier of its clock and that of the database counts
     */
    purge: async (olderHours: number, now: Date = new Date()): Promise<void> => {
      await withClient(pool, (client) =>
        client.query({ name: 'purge-sessions', text: 'select identity.purge($1, $2)', values: [olderHours, now] }),
      );
    },
  };
};

export abstract class SignUpStore extends tokenClass<ReturnType<typeof createSignUpStore>>() {}
