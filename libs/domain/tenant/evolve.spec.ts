import {
  memberJoined,
  memberRemoved,
  teamCreated,
  tenantClosed,
  tenantCreated,
  tenantWithStaff,
  USERS,
} from '#testing/tenant-facts';
import type { TenantEvent } from './events';
import { memberOf, type Tenant, teamOf, tenantAccessOf, tenantFold } from './evolve';

const { owner, admin, stranger } = USERS;

const stateAfter = (...events: readonly TenantEvent[]): Tenant =>
  events.reduce((tenant, event, at) => tenantFold.evolve(tenant, event, at + 1), tenantFold.initial);

const lock = { reason: 'payment-failed', suspendAt: '2026-01-24T00:00:00.000Z' } as const;
const locked: TenantEvent = { type: 'WorkspaceLocked', data: { ...lock, since: '2026-01-10T00:00:00.000Z' } };

describe('the state of a tenant', () => {
  it('belongs to the stream category tenant', () => expect(tenantFold.aggregate).toBe('tenant'));

  it.each<TenantEvent>([
    { type: 'TenantRenamed', data: { name: 'Other', slug: 'other' } },
    {
      type: 'PlanChanged',
      data: {
        terms: {
          ...{ plan: 'pro', version: 1, features: [], graceDays: 0, suspendAfterDays: 14, agreed: false },
          limits: {
            ...{ seats: 3, teams: 3, openInvitations: 10 },
            ...{ projects: 3, tasksPerProject: 100, apiCallsPerMonth: 10_000 },
          },
        },
        reason: 'agreed',
      },
    },
    locked,
    { type: 'WorkspaceSuspended', data: { since: lock.suspendAt } },
    { type: 'WorkspaceUnlocked', data: { reason: 'paid' } },
  ])('gets a new version from $type, which every member can see', (event) =>
    expect(stateAfter(...tenantWithStaff, event)).toMatchObject({ version: 5 }),
  );
  it.each<TenantEvent>([
    memberJoined(stranger, 'member'),
    { type: 'SeatsChanged', data: { seats: 30 } },
    { type: 'SubscriptionCanceled', data: { subscriptionId: 'sub_1' } },
  ])('keeps its version with $type', (event) =>
    expect(stateAfter(...tenantWithStaff, event)).toMatchObject({ version: 1 }),
  );

  it('holds only the time of the erasure after the tenant was closed', () => {
    const closed = { status: 'closed', eraseAfter: '2026-03-01T00:00:00.000Z' };
    expect(stateAfter(tenantCreated, tenantClosed)).toEqual(closed);
    expect(stateAfter(tenantCreated, tenantClosed, { type: 'SeatsChanged', data: { seats: 30 } })).toEqual(closed);
    expect(stateAfter(tenantCreated, tenantClosed, memberJoined(stranger, 'member'))).toEqual(closed);
  });

  it('cannot be built from an event that this release does not know', () =>
    expect(() => stateAfter(tenantCreated, { type: 'TenantPainted', data: {} } as never)).toThrow(
      'this release does not know the event TenantPainted; run the release that wrote it',
    ));
});

describe('the members and teams of a tenant', () => {
  const open = stateAfter(...tenantWithStaff, teamCreated('sales', 'Sales'));

  it('are found by their ids', () => {
    expect(memberOf(open, admin)).toEqual({ role: 'admin', version: 2, since: 2 });
    expect(memberOf(open, stranger)).toBeUndefined();
    expect(teamOf(open, 'sales')).toMatchObject({ name: 'Sales', version: 5 });
    expect(teamOf(open, 'support')).toBeUndefined();
  });
  it('of a role that changed have a new version, and are members since the same version', () => {
    const changed: TenantEvent = { type: 'MemberRoleChanged', data: { userId: admin, role: 'member' } };
    const transferred: TenantEvent = { type: 'OwnershipTransferred', data: { from: owner, to: admin } };
    const after = stateAfter(...tenantWithStaff, changed, transferred);
    expect(memberOf(after, admin)).toEqual({ role: 'owner', version: 6, since: 2 });
    expect(memberOf(after, owner)).toEqual({ role: 'admin', version: 6, since: 1 });
  });
  it('who were removed and joined again are members since the second time', () =>
    expect(memberOf(stateAfter(...tenantWithStaff, memberRemoved(admin), memberJoined(admin, 'admin')), admin)).toEqual(
      { role: 'admin', version: 6, since: 6 },
    ));
  it.each([
    ['does not exist', stateAfter()],
    ['is closed', stateAfter(tenantCreated, teamCreated('sales', 'Sales'), tenantClosed)],
  ])('are not found if the tenant %s', (_, tenant) => {
    expect(memberOf(tenant, owner)).toBeUndefined();
    expect(teamOf(tenant, 'sales')).toBeUndefined();
    expect(tenantAccessOf(tenant, owner)).toEqual({ role: undefined });
  });
});

describe('the access of a user to a tenant', () => {
  it('holds the role of the user and the standing of the tenant', () => {
    expect(tenantAccessOf(stateAfter(...tenantWithStaff), admin)).toEqual({
      role: 'admin',
      standing: { kind: 'active' },
    });
    expect(tenantAccessOf(stateAfter(...tenantWithStaff, locked), stranger)).toEqual({
      role: undefined,
      standing: { kind: 'locked', ...lock },
    });
  });
});
