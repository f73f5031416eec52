import type { ScopedDb, Statement, TenantDb } from '#platform/database/scoped/scoped-db';
import { FROM_THE_FIRST } from '../projects/queries';
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

/** SQL for the number of a tenant's invitations that can still be used. @param tenant an SQL expression */
export const countOpenInvitations = (tenant: string): string =>
  `(select count(*)::integer from read_model.invitations i where i.tenant_id = ${tenant}
        and not i.revoked and i.uses < i.max_uses and i.expires_at > now())`;

const HELD: Statement = {
  name: 'invitation-held',
  text: `select tenant_id as "tenantId", invitation_id as id from read_model.invitation_tokens
    where token_hash = (select nullif(current_setting('app.invitation', true), ''))`,
};

/** One of the tenant's invitations; undefined where there is none. */
export const findInvitation = async (db: TenantDb, invitationId: string): Promise<InvitationRow | undefined> => {
  const [row] = await db.query<InvitationRow>(INVITATION, [invitationId]);
  return row;
};

/** The tenant's invitations, newest first. @param before only those that are older than this one */
export const listInvitations = (db: TenantDb, before: string | undefined, take: number): Promise<InvitationRow[]> =>
  db.query<InvitationRow>(INVITATIONS, [before ?? FROM_THE_FIRST, take]);

export interface HeldInvitation extends InvitationRow {
  readonly tenantId: string;
  readonly companyName: string;
}

/**
 * What a token is valid for, as the read models have it; undefined where it is no invitation's, or the tenant is closed.
 * Whether it can be used (time, uses, revoked) is the caller's to tell.
 */
export const findHeldInvitation = async (db: ScopedDb, tokenHash: string): Promise<HeldInvitation | undefined> => {
  const [held] = await db.invitation(tokenHash).query<{ readonly tenantId: string; readonly id: string }>(HELD, []);
  if (!held) return undefined;
  const tenantDb = db.tenant(held.tenantId);
  const [invitation, tenant] = await Promise.all([findInvitation(tenantDb, held.id), findTenant(tenantDb)]);
  return invitation && tenant && { ...invitation, tenantId: held.tenantId, companyName: tenant.name };
};
