import { eventTypes } from '../event-types';
import { BILLING_EVENTS, type BillingEvent, type Plan } from './billing-events';
import type { Role } from './roles';

/**
 * What can happen to a tenant. Names and fields are a storage contract: they are never
 * renamed, only upcast on read. People appear by id alone.
 */
export type TenantEvent = TenantLifecycleEvent | MembershipEvent | InvitationEvent | TeamEvent | BillingEvent;

export type TenantLifecycleEvent = TenantCreated | TenantRenamed | TenantClosed;
export type MembershipEvent = MemberJoined | MemberRoleChanged | MemberRemoved | OwnershipTransferred;
export type InvitationEvent = MemberInvited | InvitationRevoked;
export type TeamEvent = TeamCreated | TeamRenamed | TeamDeleted | TeamMemberAdded | TeamMemberRemoved;

/** A tenant signed up; its owner's membership is in it. */
export type TenantCreated = {
  readonly type: 'TenantCreated';
  readonly data: { readonly name: string; readonly slug: string; readonly ownerId: string; readonly plan: Plan };
};

export type TenantRenamed = {
  readonly type: 'TenantRenamed';
  readonly data: { readonly name: string; readonly slug: string };
};

/** Nobody gets in any more; what it wrote is kept until `eraseAfter` (RFC 3339) and erased then. */
export type TenantClosed = { readonly type: 'TenantClosed'; readonly data: { readonly eraseAfter: string } };

/** A link was made that so many people may join by. Anyone who holds its token may; only the token's hash is kept. */
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
    /** Lower-case domains that an address must be of; none: any. */
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
    /** Which use of the invitation it was, from 1. */
    readonly use: number;
  };
};

export type MemberRoleChanged = {
  readonly type: 'MemberRoleChanged';
  readonly data: { readonly userId: string; readonly role: Role };
};

/**
 * `removed` by another, `left` by themselves, `erased` as a user everywhere. Teams lost them just before, and the links
 * that they had made ended.
 */
export type MemberRemoved = {
  readonly type: 'MemberRemoved';
  readonly data: { readonly userId: string; readonly reason: 'removed' | 'left' | 'erased' };
};

/** `to` is an owner from now on, `from` an admin. */
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

/** Projects that were the team's are nobody's in particular. */
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
