import type { ScopedDb, Statement, TenantDb } from '#platform/database/scoped/scoped-db';
import { ABOVE_EVERY_ID } from '../projects/queries';
import { findTenant } from '../tenants/queries';

export interface InvitationRow {
  readonly id: string;
  readonly role: string;
  readonly maxUses: number;
  readonly uses: number;
  readonly expiresAt: Date;
  readonly revoked: boolean;
  readonly emailDomains: readonly string[];
  readonly invitedBy: string;
}

const COLUMNS = `invitation_id as id, role, max_uses as "maxUses", uses, expires_at as "expiresAt", revoked,
  email_domains as "emailDomains", invited_by as "invitedBy"`;

const INVITATION: Statement = {
  name: 'invitation',
  text: `select ${COLUMNS} from read_model.invitations where invitation_id = $1`,
};

const INVITATIONS: Statement = {
  name: 'invitations',
  text: `select ${COLUMNS} from read_model.invitations where invitation_id < $1
    order by invitation_id desc limit $2`,
};

/** SQL for the number of invitations of a tenant that can still be used. @param tenant an SQL expression for its id */
export const countOpenInvitations = (tenant: string): string =>
  `(select count(*)::integer from read_model.invitations i where i.tenant_id = ${tenant}
        and not i.revoked and i.uses < i.max_uses and i.expires_at > now())`;

const INVITATION_OF_TOKEN: Statement = {
  name: 'invitation-of-token',
  text: `select tenant_id as "tenantId", invitation_id as id from read_model.invitation_tokens
    where token_hash = (select nullif(current_setting('app.invitation', true), ''))`,
};

/** One invitation of the tenant; undefined if there is none. */
export const findInvitation = async (db: TenantDb, invitationId: string): Promise<InvitationRow | undefined> => {
  const [row] = await db.query<InvitationRow>(INVITATION, [invitationId]);
  return row;
};

/**
 * The invitations of the tenant, the newest first.
 * @param before returns only invitations that are older than the one with this id
 * @param limit the most rows that are returned
 */
export const listInvitations = (db: TenantDb, before: string | undefined, limit: number): Promise<InvitationRow[]> =>
  db.query<InvitationRow>(INVITATIONS, [before ?? ABOVE_EVERY_ID, limit]);

export interface TokenInvitation extends InvitationRow {
  readonly tenantId: string;
  readonly companyName: string;
}

/**
 * The invitation of a token, as the read models have it; undefined if no invitation has this token, or if the tenant is
 * closed. The caller must check that it can still be used (expiry, uses, revocation).
 * @param tokenHash SHA-256 of the token, in hexadecimal
 */
export const findInvitationOfToken = async (db: ScopedDb, tokenHash: string): Promise<TokenInvitation | undefined> => {
  const [key] = await db
    .invitation(tokenHash)
    .query<{ readonly tenantId: string; readonly id: string }>(INVITATION_OF_TOKEN, []);
  if (!key) return undefined;
  const tenantDb = db.tenant(key.tenantId);
  const [invitation, tenant] = await Promise.all([findInvitation(tenantDb, key.id), findTenant(tenantDb)]);
  return invitation && tenant && { ...invitation, tenantId: key.tenantId, companyName: tenant.name };
};
