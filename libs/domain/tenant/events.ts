import { eventTypes } from '../event-types';
import { BILLING_EVENTS, type BillingEvent, type Plan } from './billing-events';
import type { Role } from './roles';

/**
 * The events of a tenant. Names and fields are a storage contract: they are never renamed, only upcast on read. The
 * only data about a user is the id.
 */
export type TenantEvent = TenantLifecycleEvent | MembershipEvent | InvitationEvent | TeamEvent | BillingEvent;

export type TenantLifecycleEvent = TenantCreated | TenantRenamed | TenantClosed;
export type MembershipEvent = MemberJoined | MemberRoleChanged | MemberRemoved | OwnershipTransferred;
export type InvitationEvent = MemberInvited | InvitationRevoked;
export type TeamEvent = TeamCreated | TeamRenamed | TeamDeleted | TeamMemberAdded | TeamMemberRemoved;

/** A tenant was created. The event also records the membership of its first owner. */
export type TenantCreated = {
  readonly type: 'TenantCreated';
  readonly data: { readonly name: string; readonly slug: string; readonly ownerId: string; readonly plan: Plan };
};

export type TenantRenamed = {
  readonly type: 'TenantRenamed';
  readonly data: { readonly name: string; readonly slug: string };
};

/** No member can use the tenant any more. Its data is kept until `eraseAfter` (RFC 3339) and then erased. */
export type TenantClosed = { readonly type: 'TenantClosed'; readonly data: { readonly eraseAfter: string } };

/** An invitation was created. Up to `maxUses` users can join by its token; only the hash of the token is stored. */
export type MemberInvited = {
  readonly type: 'MemberInvited';
  readonly data: {
    readonly invitationId: string;
    readonly role: Role;
    readonly maxUses: number;
    /** RFC 3339 */
    readonly expiresAt: string;
    /** SHA-256 of the token, in hexadecimal. */
    readonly tokenHash: string;
    /** The domains that an e-mail address may have, in lower case; empty: any domain. */
    readonly emailDomains: readonly string[];
    readonly invitedBy: string;
  };
};

export type InvitationRevoked = {
  readonly type: 'InvitationRevoked';
  readonly data: { readonly invitationId: string };
};

export type MemberJoined = {
  readonly type: 'MemberJoined';
  readonly data: {
    readonly userId: string;
    readonly role: Role;
    readonly invitationId: string;
    /** The number of this use of the invitation, from 1. */
    readonly use: number;
  };
};

export type MemberRoleChanged = {
  readonly type: 'MemberRoleChanged';
  readonly data: { readonly userId: string; readonly role: Role };
};

/**
 * The reason is `removed` if another member removed the user, `left` if the user left the tenant, and `erased` if the
 * user was erased. Events before this one, in the same append, remove the user from all teams and revoke the user's
 * invitations.
 */
export type MemberRemoved = {
  readonly type: 'MemberRemoved';
  readonly data: { readonly userId: string; readonly reason: 'removed' | 'left' | 'erased' };
};

/** The user `to` is now an owner, and the user `from` is now an admin. */
export type OwnershipTransferred = {
  readonly type: 'OwnershipTransferred';
  readonly data: { readonly from: string; readonly to: string };
};

export type TeamCreated = {
  readonly type: 'TeamCreated';
  readonly data: { readonly teamId: string; readonly name: string };
};

export type TeamRenamed = {
  readonly type: 'TeamRenamed';
  readonly data: { readonly teamId: string; readonly name: string };
};

/** The team is deleted. A reaction then removes its projects from it, with `ProjectChanged`. */
export type TeamDeleted = { readonly type: 'TeamDeleted'; readonly data: { readonly teamId: string } };

export type TeamMemberAdded = {
  readonly type: 'TeamMemberAdded';
  readonly data: { readonly teamId: string; readonly userId: string };
};

export type TeamMemberRemoved = {
  readonly type: 'TeamMemberRemoved';
  readonly data: { readonly teamId: string; readonly userId: string };
};

export const TENANT_EVENTS: readonly TenantEvent['type'][] = [
  ...eventTypes<Exclude<TenantEvent, BillingEvent>>({
    TenantCreated: true,
    TenantRenamed: true,
    TenantClosed: true,
    MemberInvited: true,
    InvitationRevoked: true,
    MemberJoined: true,
    MemberRoleChanged: true,
    MemberRemoved: true,
    OwnershipTransferred: true,
    TeamCreated: true,
    TeamRenamed: true,
    TeamDeleted: true,
    TeamMemberAdded: true,
    TeamMemberRemoved: true,
  }),
  ...BILLING_EVENTS,
];
