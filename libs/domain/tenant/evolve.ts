import { hasShapeOfOne } from '../shape';
import { UnknownEvent, unknownEvent } from '../unknown-event';
import { type BillingAccount, evolveBillingAccount, newBillingAccount, type Standing } from './billing-account';
import { BILLING_EVENTS, type BillingEvent } from './billing-events';
import type { MemberRemoved, TenantEvent } from './events';
import { get, none, type PersistentMap, remove, set } from './persistent-map';
import type { Role } from './roles';

export interface Member {
  readonly role: Role;
  /** Of the stream, when the member last changed: their ETag. */
  readonly version: number;
}

/** One that can be used, but for its time. Those that were revoked or are spent are gone. */
export interface Invitation {
  readonly role: Role;
  readonly maxUses: number;
  readonly uses: number;
  /** RFC 3339 */
  readonly expiresAt: string;
  readonly tokenHash: string;
  readonly emailDomains: readonly string[];
  readonly invitedBy: string;
  /** Of the stream, when it was made. */
  readonly version: number;
}

export interface Team {
  readonly name: string;
  readonly members: PersistentMap<true>;
  /** Of the stream, when its name or who is in it last changed: its ETag. */
  readonly version: number;
}

export interface OpenTenant {
  readonly status: 'open';
  readonly name: string;
  readonly slug: string;
  /** Of the stream, when its name, its plan or its lock last changed: its ETag. */
  readonly version: number;
  readonly members: PersistentMap<Member>;
  readonly owners: number;
  /** Whom others removed, and the stream's version when they last did: no older link brings them back. */
  readonly removed: PersistentMap<number>;
  readonly invitations: PersistentMap<Invitation>;
  readonly teams: PersistentMap<Team>;
  readonly account: BillingAccount;
}

/** A tenant as its rules need to see it. Plain data: it is kept in snapshots. */
export type Tenant =
  | { readonly status: 'absent' }
  | { readonly status: 'closed'; readonly eraseAfter: string }
  | OpenTenant;

/** Undefined: the user does not belong to the tenant, or there is no such tenant, or not any more. */
export const memberOf = (tenant: Tenant, userId: string): Member | undefined =>
  tenant.status === 'open' ? get(tenant.members, userId) : undefined;

/** Who asks, and how the tenant stands, for rules outside the tenant's own stream. */
export const tenantAccessOf = (tenant: Tenant, userId: string): { role: Role | undefined; standing?: Standing } => ({
  role: memberOf(tenant, userId)?.role,
  ...(tenant.status === 'open' && { standing: tenant.account.standing }),
});

export const teamOf = (tenant: Tenant, teamId: string): Team | undefined =>
  tenant.status === 'open' ? get(tenant.teams, teamId) : undefined;

const isOwner = (tenant: OpenTenant, userId: string): number => (get(tenant.members, userId)?.role === 'owner' ? 1 : 0);

/** What a member's role changes. */
const membersWith = (tenant: OpenTenant, userId: string, role: Role, version: number) => ({
  members: set(tenant.members, userId, { role, version }),
  owners: tenant.owners - isOwner(tenant, userId) + (role === 'owner' ? 1 : 0),
});

const withRole = (tenant: OpenTenant, userId: string, role: Role, version: number): OpenTenant => ({
  ...tenant,
  ...membersWith(tenant, userId, role, version),
});

const withoutMember = (tenant: OpenTenant, { userId, reason }: MemberRemoved['data'], version: number): OpenTenant => ({
  ...tenant,
  ...(reason === 'removed' && { removed: set(tenant.removed, userId, version) }),
  members: remove(tenant.members, userId),
  owners: tenant.owners - isOwner(tenant, userId),
});

/** One more use; a spent one is gone. */
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
    const members = set<Member>(none, ownerId, { role: 'owner', version });
    const nothing = { removed: none, invitations: none, teams: none, account: newBillingAccount };
    return { status: 'open', name, slug, version, members, owners: 1, ...nothing };
  }
  // What came first is an event that this release does not know.
  if (tenant.status === 'absent')
    throw new UnknownEvent(
      event.type,
      `the stream does not begin with TenantCreated, and this release does not know the event ${event.type} there`,
    );
  // What was still on its way when the tenant was closed changes nothing any more.
  if (tenant.status === 'closed') return tenant;
  if (isOfBilling(event)) {
    const account = evolveBillingAccount(tenant.account, event);
    return { ...tenant, account, ...(SHOWN.has(event.type) && { version }) };
  }
  return evolveOpen(tenant, event, version);
};

/** What everybody in the tenant sees of its billing. */
const SHOWN: ReadonlySet<string> = new Set<BillingEvent['type']>([
  'PlanChanged',
  'WorkspaceLocked',
  'WorkspaceSuspended',
  'WorkspaceUnlocked',
]);
const OF_BILLING: ReadonlySet<string> = new Set(BILLING_EVENTS);
const isOfBilling = (event: TenantEvent): event is BillingEvent => OF_BILLING.has(event.type);

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
        teams: set(tenant.teams, event.data.teamId, { name: event.data.name, members: none, version }),
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
  ...{ status: 'open', name: '', slug: '', version: 1, members: none, owners: 1 },
  ...{ removed: none, invitations: none, teams: none, account: newBillingAccount },
};
/** Of each status, for a state that comes back from a snapshot. */
const SAMPLES: readonly Tenant[] = [{ status: 'absent' }, { status: 'closed', eraseAfter: '' }, OPEN];

/** How a tenant's state comes from its events. */
export const tenantFold = {
  aggregate: 'tenant',
  foldVersion: 7,
  initial: { status: 'absent' } as Tenant,
  evolve,
  isState: (value: unknown): value is Tenant => hasShapeOfOne(value, 'status', SAMPLES),
};
