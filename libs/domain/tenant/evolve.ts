import { matchesOneSample } from '../shape';
import { UnknownEvent, unknownEvent } from '../unknown-event';
import { type BillingAccount, evolveBillingAccount, newBillingAccount, type PaymentState } from './billing-account';
import { BILLING_EVENTS, type BillingEvent } from './billing-events';
import type { MemberRemoved, TenantEvent } from './events';
import { emptyMap, get, type PersistentMap, remove, set } from './persistent-map';
import type { Role } from './roles';

export interface Member {
  readonly role: Role;
  /** The stream's version at the member's last change. It is the ETag of the member. */
  readonly version: number;
  /**
   * The stream's version at which the user joined. It identifies the membership: a user who is removed and joins again
   * has another one, and the sessions of the first one stay invalid.
   */
  readonly since: number;
}

/** An invitation that is neither revoked nor used up. It may have expired. */
export interface Invitation {
  readonly role: Role;
  readonly maxUses: number;
  readonly uses: number;
  /** RFC 3339 */
  readonly expiresAt: string;
  readonly tokenHash: string;
  readonly emailDomains: readonly string[];
  readonly invitedBy: string;
  /** The stream's version at its creation. */
  readonly version: number;
}

export interface Team {
  readonly name: string;
  readonly members: PersistentMap<true>;
  /** The stream's version at the last change of its name or members. It is the ETag of the team. */
  readonly version: number;
}

export interface OpenTenant {
  readonly status: 'open';
  readonly name: string;
  readonly slug: string;
  /** The stream's version at the last change of the name, the plan or the lock. It is the ETag of the tenant. */
  readonly version: number;
  readonly members: PersistentMap<Member>;
  /** The number of members who are owners. */
  readonly owners: number;
  /**
   * The users that other members removed, each with the stream's version at the last removal: such a user cannot join
   * again by an older invitation.
   */
  readonly removed: PersistentMap<number>;
  readonly invitations: PersistentMap<Invitation>;
  readonly teams: PersistentMap<Team>;
  readonly account: BillingAccount;
}

/** The state of a tenant that its rules need. It is plain data, because snapshots store it. */
export type Tenant =
  | { readonly status: 'absent' }
  | { readonly status: 'closed'; readonly eraseAfter: string }
  | OpenTenant;

/** @returns undefined if the user is not a member, or if the tenant does not exist or is closed */
export const memberOf = (tenant: Tenant, userId: string): Member | undefined =>
  tenant.status === 'open' ? get(tenant.members, userId) : undefined;

/** The role of a user and the standing of the tenant, for rules outside the tenant's own stream. */
export const tenantAccessOf = (
  tenant: Tenant,
  userId: string,
): { role: Role | undefined; standing?: PaymentState } => ({
  role: memberOf(tenant, userId)?.role,
  ...(tenant.status === 'open' && { standing: tenant.account.standing }),
});

/** @returns undefined if there is no such team, or if the tenant does not exist or is closed */
export const teamOf = (tenant: Tenant, teamId: string): Team | undefined =>
  tenant.status === 'open' ? get(tenant.teams, teamId) : undefined;

const ownerCountOf = (tenant: OpenTenant, userId: string): number =>
  get(tenant.members, userId)?.role === 'owner' ? 1 : 0;

/** The members and the number of owners after a user has a role. */
const membersWith = (tenant: OpenTenant, userId: string, role: Role, version: number) => ({
  members: set(tenant.members, userId, { role, version, since: get(tenant.members, userId)?.since ?? version }),
  owners: tenant.owners - ownerCountOf(tenant, userId) + (role === 'owner' ? 1 : 0),
});

const withRole = (tenant: OpenTenant, userId: string, role: Role, version: number): OpenTenant => ({
  ...tenant,
  ...membersWith(tenant, userId, role, version),
});

const withoutMember = (tenant: OpenTenant, { userId, reason }: MemberRemoved['data'], version: number): OpenTenant => ({
  ...tenant,
  ...(reason === 'removed' && { removed: set(tenant.removed, userId, version) }),
  members: remove(tenant.members, userId),
  owners: tenant.owners - ownerCountOf(tenant, userId),
});

/** Counts one more use, and removes the invitation when it is used up. */
const withUse = (invitations: PersistentMap<Invitation>, id: string): PersistentMap<Invitation> => {
  const invitation = get(invitations, id);
  if (!invitation) return invitations;
  const uses = invitation.uses + 1;
  return uses >= invitation.maxUses ? remove(invitations, id) : set(invitations, id, { ...invitation, uses });
};

const withTeam = (tenant: OpenTenant, teamId: string, change: (team: Team) => Team): OpenTenant => {
  const team = get(tenant.teams, teamId);
  return team ? { ...tenant, teams: set(tenant.teams, teamId, change(team)) } : tenant;
};

const evolve = (tenant: Tenant, event: TenantEvent, version: number): Tenant => {
  if (event.type === 'TenantCreated') {
    const { name, slug, ownerId } = event.data;
    const members = set<Member>(emptyMap, ownerId, { role: 'owner', version, since: version });
    const rest = { removed: emptyMap, invitations: emptyMap, teams: emptyMap, account: newBillingAccount };
    return { status: 'open', name, slug, version, members, owners: 1, ...rest };
  }
  // The first event of the stream is one that this release does not know.
  if (tenant.status === 'absent')
    throw new UnknownEvent(
      event.type,
      `the stream does not begin with TenantCreated, and this release does not know the event ${event.type} there`,
    );
  // An event after the closing does not change the tenant.
  if (tenant.status === 'closed') return tenant;
  if (isBillingEvent(event)) {
    const account = evolveBillingAccount(tenant.account, event);
    return { ...tenant, account, ...(VISIBLE_TO_MEMBERS.has(event.type) && { version }) };
  }
  return evolveOpen(tenant, event, version);
};

/** The billing events that change what every member sees of the tenant, and so its ETag. */
const VISIBLE_TO_MEMBERS: ReadonlySet<string> = new Set<BillingEvent['type']>([
  'PlanChanged',
  'WorkspaceLocked',
  'WorkspaceSuspended',
  'WorkspaceUnlocked',
]);
const BILLING_EVENT_TYPES: ReadonlySet<string> = new Set(BILLING_EVENTS);
const isBillingEvent = (event: TenantEvent): event is BillingEvent => BILLING_EVENT_TYPES.has(event.type);

const evolveOpen = (
  tenant: OpenTenant,
  event: Exclude<TenantEvent, BillingEvent | { type: 'TenantCreated' }>,
  version: number,
): Tenant => {
  switch (event.type) {
    case 'TenantRenamed':
      return { ...tenant, name: event.data.name, slug: event.data.slug, version };
    case 'TenantClosed':
      return { status: 'closed', eraseAfter: event.data.eraseAfter };
    case 'MemberInvited': {
      const { invitationId, ...data } = event.data;
      const invitation: Invitation = { ...data, uses: 0, version };
      return { ...tenant, invitations: set(tenant.invitations, invitationId, invitation) };
    }
    case 'InvitationRevoked':
      return { ...tenant, invitations: remove(tenant.invitations, event.data.invitationId) };
    case 'MemberJoined': {
      const { userId, role, invitationId } = event.data;
      const invitations = withUse(tenant.invitations, invitationId);
      return { ...tenant, ...membersWith(tenant, userId, role, version), invitations };
    }
    case 'MemberRoleChanged':
      return withRole(tenant, event.data.userId, event.data.role, version);
    case 'MemberRemoved':
      return withoutMember(tenant, event.data, version);
    case 'OwnershipTransferred':
      return withRole(withRole(tenant, event.data.to, 'owner', version), event.data.from, 'admin', version);
    case 'TeamCreated':
      return {
        ...tenant,
        teams: set(tenant.teams, event.data.teamId, { name: event.data.name, members: emptyMap, version }),
      };
    case 'TeamRenamed':
      return withTeam(tenant, event.data.teamId, (team) => ({ ...team, name: event.data.name, version }));
    case 'TeamDeleted':
      return { ...tenant, teams: remove(tenant.teams, event.data.teamId) };
    case 'TeamMemberAdded':
      return withTeam(tenant, event.data.teamId, (team) => ({
        ...team,
        members: set(team.members, event.data.userId, true),
        version,
      }));
    case 'TeamMemberRemoved':
      return withTeam(tenant, event.data.teamId, (team) => ({
        ...team,
        members: remove(team.members, event.data.userId),
        version,
      }));
    default:
      return unknownEvent(event);
  }
};

const OPEN: OpenTenant = {
  ...{ status: 'open', name: '', slug: '', version: 1, members: emptyMap, owners: 1 },
  ...{ removed: emptyMap, invitations: emptyMap, teams: emptyMap, account: newBillingAccount },
};
/** One sample of each status, to check a state that is read from a snapshot. */
const SAMPLES: readonly Tenant[] = [{ status: 'absent' }, { status: 'closed', eraseAfter: '' }, OPEN];

/** Builds the state of a tenant from its events. */
export const tenantFold = {
  aggregate: 'tenant',
  foldVersion: 8,
  initial: { status: 'absent' } as Tenant,
  evolve,
  isState: (value: unknown): value is Tenant => matchesOneSample(value, 'status', SAMPLES),
};
