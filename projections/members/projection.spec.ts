import type { TenantEvent } from '#domain/tenant/events';
import { project, recorded } from '#testing/given-when-then';
import { memberJoined, tenantCreated, USERS } from '#testing/tenant-facts';
import { membersProjection } from './projection';

const tenant_id = '01a20000-0000-7000-8000-0000000000ff';
const at = (version: number, event: TenantEvent) =>
  recorded({
    ...event,
    stream: { tenantId: tenant_id, aggregate: 'tenant', id: tenant_id },
    version,
    position: BigInt(version * 10),
  });
const row = (user_id: string, role: string, version: number, joined = version) => ({
  ...{ tenant_id, user_id, role, version },
  joined_at: '2026-01-02T03:04:05.678Z',
  joined_position: BigInt(joined * 10),
});

const { owner, member } = USERS;
const created = at(1, tenantCreated);
const joined = at(2, memberJoined(member, 'member'));
const promoted: TenantEvent = { type: 'MemberRoleChanged', data: { userId: member, role: 'admin' } };
const removed: TenantEvent = { type: 'MemberRemoved', data: { userId: member, reason: 'left' } };
const transferred: TenantEvent = { type: 'OwnershipTransferred', data: { from: owner, to: member } };

describe('the members read model', () => {
  it('begins with the owner', () => project(membersProjection, created).thenRows('members', row(owner, 'owner', 1)));

  it('has a row for each member, with the position at which the member joined', () =>
    project(membersProjection, created, joined).thenRows('members', row(owner, 'owner', 1), row(member, 'member', 2)));

  it('shows the last role, the version of that change, and the same time of joining', () =>
    project(membersProjection, joined, at(3, promoted)).thenRows('members', row(member, 'admin', 3, 2)));

  it('changes a role in a row that was made in an earlier batch', () =>
    project(membersProjection, at(3, promoted)).thenPatched(
      'members',
      { tenant_id, user_id: member },
      { role: 'admin', version: 3 },
    ));

  it('has no row for a removed member', () =>
    project(membersProjection, joined, at(3, removed)).thenRemoved('members', { tenant_id, user_id: member }));

  it('shows a member who joined again with the position of the second joining', () =>
    project(membersProjection, joined, at(3, removed), at(4, memberJoined(member, 'auditor'))).thenRows(
      'members',
      row(member, 'auditor', 4),
    ));

  it('shows the new roles of both users after a transfer, with its version', () =>
    project(membersProjection, created, joined, at(3, transferred)).thenRows(
      'members',
      row(owner, 'admin', 3, 1),
      row(member, 'owner', 3, 2),
    ));

  it('has the role of each user in each tenant, by user', () =>
    project(membersProjection, created, joined, at(3, promoted)).thenRows(
      'memberships',
      { user_id: owner, tenant_id, role: 'owner', joined_position: 10n },
      { user_id: member, tenant_id, role: 'admin', joined_position: 20n },
    ));

  it('has the new roles of both users after a transfer, by user', () =>
    project(membersProjection, created, joined, at(3, transferred)).thenRows(
      'memberships',
      { user_id: owner, tenant_id, role: 'admin', joined_position: 10n },
      { user_id: member, tenant_id, role: 'owner', joined_position: 20n },
    ));

  it('has no row for a removed member, by user', () =>
    project(membersProjection, joined, at(3, removed)).thenRemoved('memberships', { user_id: member, tenant_id }));
});
