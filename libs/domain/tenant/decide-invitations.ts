import { TenantCommand } from '../command';
import type { InStreamLimits } from '../limits';
import { Refusal } from '../refusal';
import type { TenantEvent } from './events';
import type { Invitation, OpenTenant, Tenant } from './evolve';
import { may } from './permissions';
import { entries, get } from './persistent-map';
import { notFound, requireFeature, requireOpen, requirePermission, requireRoom, requireUnlocked } from './requirements';
import type { Role } from './roles';

export const MAX_USES = 10_000;
/** Links that end in one append, beside the teams that somebody leaves: it has a bound. */
export const MAX_ENDED = 240;

const isExpired = ({ expiresAt }: Invitation, at: string): boolean => Date.parse(expiresAt) <= Date.parse(at);

/** Invitations that can still be used, and how often all together. */
const usable = ({ invitations }: OpenTenant, at: string): { count: number; held: number } => {
  let [count, held] = [0, 0];
  for (const [, invitation] of entries(invitations)) {
    if (isExpired(invitation, at)) continue;
    count += 1;
    held += invitation.maxUses - invitation.uses;
  }
  return { count, held };
};

/** An owner makes a link by which admins join, an admin one for everybody below; nobody one for owners. */
const mayInvite = (inviter: Role | undefined, role: Role): boolean =>
  inviter !== undefined && may(inviter, 'invitations.create') && (role !== 'admin' || inviter === 'owner');

/**
 * The links that somebody made and could not make any more as what they are from now on: else they would hand on a right
 * that was taken from them, to themselves first of all. At most {@link MAX_ENDED}, those that were made last; whatever is
 * left over lets nobody in either, see {@link joinTenant}.
 * @param role undefined: they belong to the tenant no more
 * @param at RFC 3339: now
 */
export const endLinks = (
  { invitations }: OpenTenant,
  userId: string,
  role: Role | undefined,
  at: string,
): TenantEvent[] =>
  [...entries(invitations)]
    .filter(([, link]) => link.invitedBy === userId && !isExpired(link, at) && !mayInvite(role, link.role))
    .map(([invitationId]) => invitationId)
    .sort()
    .slice(-MAX_ENDED)
    .map((invitationId) => ({ type: 'InvitationRevoked', data: { invitationId } }));

export interface InviteMemberInput {
  readonly by: string;
  readonly invitationId: string;
  /** Never above the inviter's own, and never owner. */
  readonly role: Role;
  /** 1..{@link MAX_USES} */
  readonly maxUses: number;
  /** RFC 3339, after `at`. */
  readonly expiresAt: string;
  /** SHA-256 of the token, in hexadecimal. */
  readonly tokenHash: string;
  /** Lower case; none: any address. */
  readonly emailDomains: readonly string[];
  /** RFC 3339: now. */
  readonly at: string;
}

export class InviteMember extends TenantCommand<InviteMemberInput> {}

/** An admin makes a link by which people join; an owner one by which admins do. */
export const inviteMember = (wanted: InviteMemberInput, limits: InStreamLimits, tenant: Tenant): TenantEvent[] => {
  const { by, invitationId, role, maxUses, expiresAt, tokenHash, emailDomains, at } = wanted;
  const open = requireOpen(tenant);
  const inviter = requirePermission(open, by, 'invitations.create');
  if (role === 'owner')
    throw new Refusal(
      'forbidden',
      'An invitation cannot grant the role owner. Invite a member, then transfer ownership.',
    );
  if (!mayInvite(inviter, role)) throw new Refusal('forbidden', 'This action needs the role owner.');
  if (get(open.invitations, invitationId)) throw new Refusal('conflict', 'An invitation with this id already exists.');
  if (!Number.isInteger(maxUses) || maxUses < 1 || maxUses > MAX_USES)
    throw new Refusal('conflict', `An invitation may be used 1 to ${MAX_USES} times.`);
  if (!(Date.parse(expiresAt) > Date.parse(at)))
    throw new Refusal('conflict', 'The expiry time is in the past. Choose a later time.');
  if (emailDomains.length > 0) requireFeature('invitation-domains', limits);
  const { count, held } = usable(open, at);
  requireRoom('openInvitations', count, limits);
  if (limits.invitationsHoldSeats) requireRoom('seats', open.members.size + held, limits, maxUses);
  const data = { invitationId, role, maxUses, expiresAt, tokenHash, emailDomains, invitedBy: by };
  return [{ type: 'MemberInvited', data }];
};

export interface RevokeInvitationInput {
  readonly by: string;
  readonly invitationId: string;
}

export class RevokeInvitation extends TenantCommand<RevokeInvitationInput> {}

/** From then on nobody joins by it. One that is revoked or spent already is not found. */
export const revokeInvitation = ({ by, invitationId }: RevokeInvitationInput, tenant: Tenant): TenantEvent[] => {
  const open = requireOpen(tenant);
  requirePermission(open, by, 'invitations.revoke');
  if (!get(open.invitations, invitationId)) throw notFound('invitation');
  return [{ type: 'InvitationRevoked', data: { invitationId } }];
};

export interface JoinTenantInput {
  readonly userId: string;
  readonly tokenHash: string;
  /** Lower case: what follows the `@` of the user's address. */
  readonly emailDomain: string;
  /** RFC 3339: now. */
  readonly at: string;
}

/** By the token of an invitation. */
export class JoinTenant extends TenantCommand<JoinTenantInput> {}

/**
 * Somebody joins by a link, as often as it says and no more. Who belongs to the tenant already uses nothing of it. Whom
 * others removed it lets in again only if it was made after that; who left by themselves may come back. It is worth what
 * its maker could give now. One answer for a link that was never made, is revoked, spent or expired, or is not for them.
 */
export const joinTenant = (wanted: JoinTenantInput, limits: InStreamLimits, tenant: Tenant): TenantEvent[] => {
  const { userId, tokenHash, emailDomain, at } = wanted;
  const open = requireOpen(tenant);
  if (get(open.members, userId)) return [];
  for (const [invitationId, invitation] of entries(open.invitations)) {
    if (invitation.tokenHash !== tokenHash || isExpired(invitation, at)) continue;
    if ((get(open.removed, userId) ?? 0) > invitation.version) continue;
    const { emailDomains, role, uses, invitedBy } = invitation;
    if (!mayInvite(get(open.members, invitedBy)?.role, role)) continue;
    if (emailDomains.length > 0 && !emailDomains.includes(emailDomain))
      throw new Refusal('forbidden', `This invitation only allows e-mail addresses of ${emailDomains.join(', ')}.`);
    requireUnlocked(open.account.standing, 'invitations.create');
    requireRoom('seats', open.members.size, limits);
    return [{ type: 'MemberJoined', data: { userId, role, invitationId, use: uses + 1 } }];
  }
  throw notFound('invitation');
};
