import { NO_LIMITS } from '../limits';
import { Refusal } from '../refusal';
import type { PaymentState } from './billing-account';
import {
  notFound,
  requireFeature,
  requireMayGrant,
  requireMayTake,
  requireOpen,
  requireRoom,
  requireUnlocked,
  requireVersion,
} from './requirements';
import { ROLES } from './roles';

/** The refusal that the work throws; undefined if it throws none. */
const refusalOf = (work: () => unknown): Refusal | undefined => {
  try {
    work();
    return undefined;
  } catch (error) {
    if (error instanceof Refusal) return error;
    throw error;
  }
};

describe('a refusal', () => {
  it('of something that does not exist names it', () => {
    expect(notFound('team')).toMatchObject({
      name: 'Refusal',
      reason: 'not-found',
      detail: 'There is no such team.',
      message: 'There is no such team.',
    });
  });

  it('of a tenant that is not open says that there is none', () => {
    expect(refusalOf(() => requireOpen({ status: 'absent' }))?.detail).toBe('There is no such tenant.');
  });

  it.each([
    [
      'payment-failed',
      'A payment failed, so the tenant is locked. Pay the open invoice or choose another plan to unlock it.',
    ],
    [
      'subscription-paused',
      'The subscription is paused, so the tenant is locked. Resume the subscription to unlock it.',
    ],
  ] as const)('because of a lock (%s) says how to unlock the tenant', (reason, detail) => {
    const state: PaymentState = { kind: 'locked', reason, suspendAt: '2026-01-01T00:00:00Z' };
    expect(refusalOf(() => requireUnlocked(state, 'projects.write'))).toMatchObject({
      reason: 'workspace-locked',
      detail,
      members: { lock: 'locked', reason, billingUrl: '/v1/billing' },
    });
    expect(refusalOf(() => requireUnlocked(state, 'projects.read'))).toBeUndefined();
    expect(refusalOf(() => requireUnlocked({ kind: 'active' }, 'projects.write'))).toBeUndefined();
    expect(refusalOf(() => requireUnlocked({ kind: 'past-due' }, 'projects.write'))).toBeUndefined();
  });

  it('of the role owner says who may grant it', () => {
    const needsOwner = { reason: 'forbidden', detail: 'This action needs the role owner.' };
    for (const role of ['owner', 'admin'] as const)
      expect(refusalOf(() => requireMayGrant('admin', role))).toMatchObject(needsOwner);
    for (const role of ['member', 'auditor'] as const)
      expect(refusalOf(() => requireMayGrant('admin', role))).toBeUndefined();
    for (const role of ROLES) expect(refusalOf(() => requireMayGrant('owner', role))).toBeUndefined();
    expect(refusalOf(() => requireMayTake('admin', 'owner'))).toMatchObject(needsOwner);
    expect(refusalOf(() => requireMayTake('admin', 'admin'))).toBeUndefined();
    expect(refusalOf(() => requireMayTake('owner', 'owner'))).toBeUndefined();
  });

  it('of another version says what to do', () => {
    expect(refusalOf(() => requireVersion(2, 1))).toMatchObject({
      reason: 'precondition-failed',
      detail: 'The resource has changed since you read it. Read it again, then repeat the change.',
    });
    expect(refusalOf(() => requireVersion(2, 2))).toBeUndefined();
    expect(refusalOf(() => requireVersion(2, undefined))).toBeUndefined();
  });

  it.each([
    ['seats', 'seats'],
    ['teams', 'teams'],
    ['openInvitations', 'open invitations'],
  ] as const)('of a limit of %s says the limit, the use and the plan', (resource, name) => {
    const limits = { ...NO_LIMITS, [resource]: 3, plan: 'free', upgradeTo: 'pro' };
    expect(refusalOf(() => requireRoom(resource, 3, limits))).toMatchObject({
      reason: 'plan-limit-reached',
      detail: `The plan free allows 3 ${name}, and 3 are used.`,
      members: { resource, limit: 3, used: 3, plan: 'free', upgradeTo: 'pro' },
    });
    expect(refusalOf(() => requireRoom(resource, 2, limits))).toBeUndefined();
    expect(refusalOf(() => requireRoom(resource, 2, limits, 2))?.reason).toBe('plan-limit-reached');
  });

  it('of a feature names the feature and the plan', () => {
    const limits = { ...NO_LIMITS, features: [], plan: 'free', upgradeTo: 'pro' };
    expect(refusalOf(() => requireFeature('invitation-domains', limits))).toMatchObject({
      reason: 'feature-not-in-plan',
      detail: 'The plan free does not include invitations that are limited to e-mail domains. Choose a larger plan.',
      members: { feature: 'invitation-domains', plan: 'free', upgradeTo: 'pro' },
    });
  });
});

describe('an installation without plans', () => {
  it('limits nothing and includes every feature', () => {
    expect(NO_LIMITS).toEqual({
      ...{ seats: null, teams: null, openInvitations: null, features: ['invitation-domains'] },
      ...{ invitationsHoldSeats: false, plan: 'none', upgradeTo: null },
    });
    expect(refusalOf(() => requireRoom('seats', 1_000_000, NO_LIMITS))).toBeUndefined();
    expect(refusalOf(() => requireFeature('invitation-domains', NO_LIMITS))).toBeUndefined();
  });
});
