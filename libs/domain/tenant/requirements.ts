import { hasRequiredVersion, type RequiredVersion } from '../command';
import type { Feature, InStreamLimits } from '../limits';
import { Refusal } from '../refusal';
import type { PaymentState } from './billing-account';
import type { OpenTenant, Tenant } from './evolve';
import { hasPermission, isBlockedByLock, type Permission, rolesNeeded } from './permissions';
import { get } from './persistent-map';
import { mayGrant, type Role } from './roles';

export const notFound = (what: string): Refusal => new Refusal('not-found', `There is no such ${what}.`);

/** @throws Refusal not-found if the tenant does not exist or is closed */
export const requireOpen = (tenant: Tenant): OpenTenant => {
  if (tenant.status !== 'open') throw notFound('tenant');
  return tenant;
};

const LOCK_DETAILS = {
  'payment-failed':
    'A payment failed, so the tenant is locked. Pay the open invoice or choose another plan to unlock it.',
  'subscription-paused': 'The subscription is paused, so the tenant is locked. Resume the subscription to unlock it.',
};

/** @throws Refusal workspace-locked if the tenant is locked or suspended and the permission does not work then */
export const requireUnlocked = (standing: PaymentState, permission: Permission): void => {
  if (!isBlockedByLock(standing, permission) || !('reason' in standing)) return;
  const { kind, reason } = standing;
  throw new Refusal('workspace-locked', LOCK_DETAILS[reason], { lock: kind, reason, billingUrl: '/v1/billing' });
};

/**
 * Does not check the lock.
 * @returns the user's role
 * @throws Refusal not-found for a user who is not a member, forbidden for a role without the permission
 */
export const requireRole = (tenant: OpenTenant, userId: string, permission: Permission): Role => {
  const role = get(tenant.members, userId)?.role;
  if (role === undefined) throw notFound('tenant');
  if (!hasPermission(role, permission)) throw new Refusal('forbidden', rolesNeeded(permission));
  return role;
};

/**
 * @returns the user's role
 * @throws Refusal not-found for a user who is not a member, forbidden for a role without the permission,
 * workspace-locked
 */
export const requirePermission = (tenant: OpenTenant, userId: string, permission: Permission): Role => {
  const role = requireRole(tenant, userId, permission);
  requireUnlocked(tenant.account.standing, permission);
  return role;
};

const needsOwner = (): Refusal => new Refusal('forbidden', 'This action needs the role owner.');

/**
 * @param by the role of the user who sends the command; see {@link mayGrant}
 * @throws Refusal forbidden
 */
export const requireMayGrant = (by: Role, role: Role): void => {
  if (!mayGrant(by, role)) throw needsOwner();
};

/**
 * Only an owner may take the role owner from a member.
 * @param by the role of the user who sends the command
 * @throws Refusal forbidden
 */
export const requireMayTake = (by: Role, role: Role): void => {
  if (role === 'owner' && by !== 'owner') throw needsOwner();
};

/**
 * @param requiredVersion the versions that the client requires or excludes; undefined: any version
 * @throws Refusal precondition-failed
 */
export const requireVersion = (version: number, requiredVersion: RequiredVersion): void => {
  if (!hasRequiredVersion(version, requiredVersion))
    throw new Refusal(
      'precondition-failed',
      'The resource has changed since you read it. Read it again, then repeat the change.',
    );
};

type CountedResource = 'seats' | 'teams' | 'openInvitations';

/**
 * @param wanted the number of further places that are needed; 1 by default
 * @throws Refusal plan-limit-reached
 */
export const requireRoom = (resource: CountedResource, used: number, limits: InStreamLimits, wanted = 1): void => {
  const { [resource]: limit, plan, upgradeTo } = limits;
  if (limit === null || used + wanted <= limit) return;
  const detail = `The plan ${plan} allows ${limit} ${RESOURCE_NAMES[resource]}, and ${used} are used.`;
  throw new Refusal('plan-limit-reached', detail, { resource, limit, used, plan, upgradeTo });
};

const RESOURCE_NAMES = { seats: 'seats', teams: 'teams', openInvitations: 'open invitations' } as const;

/** @throws Refusal feature-not-in-plan */
export const requireFeature = (feature: Feature, { features, plan, upgradeTo }: InStreamLimits): void => {
  if (features.includes(feature)) return;
  const detail = `The plan ${plan} does not include ${FEATURE_NAMES[feature]}. Choose a larger plan.`;
  throw new Refusal('feature-not-in-plan', detail, { feature, plan, upgradeTo });
};

const FEATURE_NAMES = {
  'invitation-domains': 'invitations that are limited to e-mail domains',
} as const satisfies Record<Feature, string>;
