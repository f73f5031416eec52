import { TenantCommand } from '../command';
import type { InStreamLimits } from '../limits';
import { Refusal } from '../refusal';
import type { TenantEvent } from './events';
import type { Invitation, OpenTenant, Tenant } from './evolve';
import { hasPermission } from './permissions';
import { entries, get } from './persistent-map';
import {
  notFound,
  requireFeature,
  requireMayGrant,
  requireOpen,
  requirePermission,
  requireRoom,
  requireUnlocked,
} from './requirements';
import { mayGrant, type Role } from './roles';

/** The most users that can join by one invitation. */
export const MAX_USES = 10_000;
/** The most invitations that one append revokes. The number of events in one append is limited. */
export const MAX_REVOKED = 240;

const isExpired = ({ expiresAt }: Invitation, at: string): boolean => Date.parse(expiresAt) <= Date.parse(at);

/** The number of invitations that can still be used, and the sum of their unused uses. */
const countOpenInvitations = ({ invitations }: OpenTenant, at: string): { count: number; unusedUses: number } => {
  let [count, unusedUses] = [0, 0];
  for (const [, invitation] of entries(invitations)) {
    if (isExpired(invitation, at)) continue;
    count += 1;
    unusedUses += invitation.maxUses - invitation.uses;
  }
  return { count, unusedUses };
};

/** Whether a member may still create such an invitation. No role may invite owners; {@link inviteMember} refuses that. */
const mayInvite = (inviter: Role | undefined, role: Role): boolean =>
  inviter !== undefined && hasPermission(inviter, 'invitations.create') && mayGrant(inviter, role);

/**
 * Revokes the open invitations that a member created and could not create in the new role. Otherwise the member could
 * pass on a right that was taken away, or use the invitation to get it back. It revokes at most {@link MAX_REVOKED} of
 * them, the latest ones. The others do not admit users either, because {@link joinTenant} refuses them.
 * @param role the new role; undefined: the user is no longer a member
 * @param at RFC 3339: the present time
 */
export const revokeInvitationsOf = (
  { invitations }: OpenTenant,
  userId: string,
  role: Role | undefined,
  at: string,
): TenantEvent[] =>
  [...entries(invitations)]
    .filter(([, it]) => it.invitedBy === userId && !isExpired(it, at) && !mayInvite(role, it.role))
    .map(([invitationId]) => invitationId)
    .sort()
    .slice(-MAX_REVOKED)
    .map((invitationId) => ({ type: 'InvitationRevoked', data: { invitationId } }));

export interface InviteMemberInput {
  readonly by: string;
  readonly invitationId: string;
  /** Not `owner`, and `admin` only if the inviter is an owner. */
  readonly role: Role;
  /** 1..{@link MAX_USES} */
  readonly maxUses: number;
  /** RFC 3339, after `at`. */
  readonly expiresAt: string;
  /** SHA-256 of the token, in hexadecimal. */
  readonly tokenHash: string;
  /** Lower case; empty: any address. */
  readonly emailDomains: readonly string[];
  /** RFC 3339: the present time. */
  readonly at: string;
}

/** Creates an invitation link. No user becomes a member before {@link JoinTenant}. */
export class InviteMember extends TenantCommand<InviteMemberInput> {}

/**
 * @throws Refusal not-found, workspace-locked, plan-limit-reached, feature-not-in-plan; forbidden if the inviter may
 * not invite to the role; conflict if the id is taken or the uses or the expiry time are out of bounds
 */
export const inviteMember = (input: InviteMemberInput, limits: InStreamLimits, tenant: Tenant): TenantEvent[] => {
  const { by, invitationId, role, maxUses, expiresAt, tokenHash, emailDomains, at } = input;
  const open = requireOpen(tenant);
  const inviter = requirePermission(open, by, 'invitations.create');
  if (role === 'owner')
    throw new Refusal(
      'forbidden',
      'An invitation cannot grant the role owner. Invite a member, then transfer ownership.',
    );
  requireMayGrant(inviter, role);
  if (get(open.invitations, invitationId)) throw new Refusal('conflict', 'An invitation with this id already exists.');
  if (!Number.isInteger(maxUses) || maxUses < 1 || maxUses > MAX_USES)
    throw new Refusal('conflict', `An invitation may be used 1 to ${MAX_USES} times.`);
  if (!(Date.parse(expiresAt) > Date.parse(at)))
    throw new Refusal('conflict', 'The expiry time is in the past. Choose a later time.');
  if (emailDomains.length > 0) requireFeature('invitation-domains', limits);
  const { count, unusedUses } = countOpenInvitations(open, at);
  requireRoom('openInvitations', count, limits);
  if (limits.invitationsHoldSeats) requireRoom('seats', open.members.size + unusedUses, limits, maxUses);
  const data = { invitationId, role, maxUses, expiresAt, tokenHash, emailDomains, invitedBy: by };
  return [{ type: 'MemberInvited', data }];
};

export interface RevokeInvitationInput {
  readonly by: string;
  readonly invitationId: string;
}

export class RevokeInvitation extends TenantCommand<RevokeInvitationInput> {}

/**
 * @throws Refusal forbidden, workspace-locked; not-found if there is no such invitation, or it is revoked or used up
 */
export const revokeInvitation = ({ by, invitationId }: RevokeInvitationInput, tenant: Tenant): TenantEvent[] => {
  const open = requireOpen(tenant);
  requirePermission(open, by, 'invitations.revoke');
  if (!get(open.invitations, invitationId)) throw notFound('invitation');
  return [{ type: 'InvitationRevoked', data: { invitationId } }];
};

export interface JoinTenantInput {
  readonly userId: string;
  readonly tokenHash: string;
  /** The part of the user's e-mail address after the `@`, in lower case. */
  readonly emailDomain: string;
  /** RFC 3339: the present time. */
  readonly at: string;
}

/** Makes a user a member by the token of an invitation. */
export class JoinTenant extends TenantCommand<JoinTenantInput> {}

/**
 * A user who is a member already adds no event and does not use up the invitation. A user who was removed by another
 * member can join again only by an invitation that was created after the removal; a user who left may join by any. The
 * invitation works only while the member who created it could still create it.
 * @throws Refusal not-found if the tenant is not open, or the invitation does not exist, is revoked, used up or
 * expired, or the user may not use it; forbidden for another e-mail domain; workspace-locked, plan-limit-reached
 */
export const joinTenant = (input: JoinTenantInput, limits: InStreamLimits, tenant: Tenant): TenantEvent[] => {
  const { userId, tokenHash, emailDomain, at } = input;
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
