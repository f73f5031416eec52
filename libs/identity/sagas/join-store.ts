import type { Pool } from 'pg';
import { type Access, accessJson } from '#access/access';
import { withClient } from '#platform/database/connections/pools';
import { tokenClass } from '#platform/token-class';
import type { SagaClaim } from './saga';
import { createSagaFunctions } from './saga-functions';

/** A new user who joins a tenant, with all ids that the join uses. */
export interface Join extends SagaClaim {
  readonly tenantId: string;
  readonly tokenHash: string;
  readonly emailDomain: string;
  /** When the address was claimed. The rule checks whether the invitation could be used at this time. */
  readonly claimedAt: Date;
  /** An earlier attempt may have appended the facts. */
  readonly mayRepeat: boolean;
}

export interface JoinClaim extends Omit<Join, 'claimedAt' | 'mayRepeat' | 'accessId'> {
  readonly access: Access;
  readonly email: string;
  readonly emailKey: string;
  readonly personName: string;
  readonly passwordHash: string;
}

interface ClaimedRow {
  readonly outcome: 'claimed' | 'resumed' | 'taken';
  /** If the outcome is `resumed`, the id is that of the earlier attempt. */
  readonly userId: string;
  readonly createdAt: Date;
  readonly claimedAt: Date;
  readonly accessId: string | null;
}

/** @param pool connects as the app role, or as the projector for `takeUnfinished` and `purge` */
export const createJoinStore = (pool: Pool) => {
  const functions = createSagaFunctions(pool);
  return {
    /**
     * Claims the e-mail address. The same command finds its own claim again.
     * @returns undefined if the address belongs to another user or claim
     */
    claim: async (claim: JoinClaim): Promise<(Join & { readonly createdAt: Date }) | undefined> => {
      const { rows } = await withClient(pool, (client) =>
        client.query<ClaimedRow>({
          name: 'claim-join',
          text: `select outcome, user_id as "userId", created_at as "createdAt", claimed_at as "claimedAt",
              access_id as "accessId"
            from identity.claim_join($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
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
            accessJson(claim.access),
          ],
        }),
      );
      const [row] = rows;
      if (!row || row.outcome === 'taken') return undefined;
      const { tenantId, tokenHash, emailDomain, commandId, correlationId } = claim;
      const { outcome, ...claimed } = row;
      const mayRepeat = outcome === 'resumed';
      return { tenantId, tokenHash, emailDomain, commandId, correlationId, ...claimed, mayRepeat };
    },

    /** Lets the user sign in. */
    complete: functions.call<string>('complete_join'),

    /** Deletes the user, so that the address is free again. */
    release: functions.call<string>('release_join'),

    takeUnfinished: functions.takeUnfinished<Join>(
      'take_unfinished_joins',
      `user_id as "userId", tenant_id as "tenantId", token_hash as "tokenHash", email_domain as "emailDomain",
         command_id as "commandId", correlation_id as "correlationId", claimed_at as "claimedAt", access_id as "accessId",
         true as "mayRepeat"`,
    ),

    purge: functions.call<number>('purge_joins'),
  };
};

export abstract class JoinStore extends tokenClass<ReturnType<typeof createJoinStore>>() {}
