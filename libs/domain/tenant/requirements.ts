import type { Feature, InStreamLimits } from '../limits';
import { Refusal } from '../refusal';
import type { Standing } from './billing-account';
import type { OpenTenant, Tenant } from './evolve';
import { isStopped, may, type Permission, rolesNeeded } from './permissions';
import { get } from './persistent-map';
import type { Role } from './roles';

export const notFound = (what: string): Refusal => new Refusal('not-found', `There is no such ${what}.`);

/** A tenant that is closed is none. */
export const requireOpen = (tenant: Tenant): OpenTenant => {
  if (tenant.status !== 'open') throw notFound('workspace');
  return tenant;
};

const WHY = {
  'payment-failed':
    'A payment failed, so the tenant is locked. Pay the open invoice or choose another plan to unlock it.',
  'subscription-paused': 'The subscription is paused, so the tenant is locked. Resume the subscription to unlock it.',
};

/** @throws Refusal workspace-locked where a failed payment stops this */
export const requireUnlocked = (standing: Standing, permission: Permission): void => {
  if (!isStopped(standing, permission) || !('reason' in standing)) return;
  const { kind, reason } = standing;
  throw new Refusal('workspace-locked', WHY[reason], { lock: kind, reason, billingUrl: '/v1/billing' });
};

/** @returns the role that allows it, locked or not */
export const requireRole = (tenant: OpenTenant, userId: string, permission: Permission): Role => {
  const role = get(tenant.members, userId)?.role;
  if (role === undefined) throw notFound('workspace');
  if (!may(role, permission)) throw new Refusal('forbidden', rolesNeeded(permission));
  return role;
};

/** @returns the role that allows it */
export const requirePermission = (tenant: OpenTenant, userId: string, permission: Permission): Role => {
  const role = requireRole(tenant, userId, permission);
  requireUnlocked(tenant.account.standing, permission);
  return role;
};

/** Nobody but an owner makes or unmakes an owner. */
export const requireOwnerFor = (by: Role, role: Role): void => {
  if (role === 'owner' && by !== 'owner') throw new Refusal('forbidden', 'This action needs the role owner.');
};

/** @param seen the version that the client insists on */
export const requireVersion = (version: number, seen: number | undefined): void => {
  if (seen !== undefined && seen !== version)
    throw new Refusal(
      'precondition-failed',
      'The resource has changed since you read it. Read it again, then repeat the change.',
    );
};

type Counted = 'seats' | 'teams' | 'openInvitations';

/** @param wanted how many more; one by default */
export const requireRoom = (resource: Counted, used: number, limits: InStreamLimits, wanted = 1): void => {
  const { [resource]: limit, plan, upgradeTo } = limits;
  if (limit === null || used + wanted <= limit) return;
  const detail = `The plan ${plan} allows ${limit} ${NAMES[resource]}, and ${used} are used.`;
  throw new Refusal('plan-limit-reached', detail, { resource, limit, used, plan, upgradeTo });
};

const NAMES = { seats: 'seats', teams: 'teams', openInvitations: 'open invitations' } as const;

export const requireFeature = (feature: Feature, { features, plan, upgradeTo }: InStreamLimits): void => {
  if (features.includes(feature)) return;
  const detail = `The plan ${plan} does not include ${FEATURE_NAMES[feature]}. Choose a larger plan.`;
  throw new Refusal('feature-not-in-plan', detail, { feature, plan, upgradeTo });
};

const FEATURE_NAMES = {
  'invitation-domains': 'invitations that are limited to e-mail domains',
} as const satisfies Record<Feature, string>;
