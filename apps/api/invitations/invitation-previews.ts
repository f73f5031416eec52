import { hashOfToken } from '#identity/tokens/invitation-tokens';
import type { ScopedDb } from '#platform/database/scoped/scoped-db';
import { tokenClass } from '#platform/token-class';
import { findInvitationOfToken, type TokenInvitation } from '#projections/invitations/queries';
import { findMember } from '#projections/members/queries';
import { invitationStateOf, type PreviewDto } from './invitation.dto';
import { invitationUnusable } from './join-refusals';

/** The preview for the page of a link. */
export interface InvitationPreview extends PreviewDto {
  /** Undefined if the inviter is no longer a member. */
  readonly inviterName: string | undefined;
}

const previewOf = ({ companyName, role, expiresAt, emailDomains }: TokenInvitation): PreviewDto => ({
  ...{ companyName, role, expiresAt: expiresAt.toISOString(), emailDomains, usable: true },
});

/** The invitation of a token, whether or not it can still be used. @throws Problem not-found */
export const findInvitation = async (
  db: ScopedDb,
  token: string,
): Promise<TokenInvitation & { readonly tokenHash: string }> => {
  const tokenHash = hashOfToken(token);
  const invitation = await findInvitationOfToken(db, tokenHash);
  if (!invitation) throw invitationUnusable();
  return { ...invitation, tokenHash };
};

/** What the link of an invitation shows to anybody who has it. */
export const createInvitationPreviews = (db: ScopedDb) => {
  const findOpenInvitation = async (token: string): Promise<TokenInvitation> => {
    const invitation = await findInvitation(db, token);
    if (invitationStateOf(invitation) !== 'open') throw invitationUnusable();
    return invitation;
  };

  return {
    /** @throws Problem not-found, if the invitation cannot be used, for any reason */
    preview: async (token: string): Promise<PreviewDto> => previewOf(await findOpenInvitation(token)),

    /** The preview with the name of the inviter, for the page of a link. @throws Problem not-found, as `preview` */
    previewWithInviter: async (token: string): Promise<InvitationPreview> => {
      const invitation = await findOpenInvitation(token);
      const inviter = await findMember(db.tenant(invitation.tenantId), invitation.invitedBy);
      return { ...previewOf(invitation), inviterName: inviter?.name || undefined };
    },
  };
};

export abstract class InvitationPreviews extends tokenClass<ReturnType<typeof createInvitationPreviews>>() {}
