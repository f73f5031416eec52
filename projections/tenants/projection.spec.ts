import type { TenantEvent } from '#domain/tenant/events';
import { project, recorded } from '#testing/given-when-then';
import { memberJoined, tenantClosed, tenantCreated, USERS } from '#testing/tenant-facts';
import { tenantsProjection } from './projection';

const tenant_id = '01a20000-0000-7000-8000-0000000000ff';
const at = (version: number, event: TenantEvent) =>
  recorded({ ...event, stream: { tenantId: tenant_id, aggregate: 'tenant', id: tenant_id }, version });

const created = at(1, tenantCreated);
const renaming: TenantEvent = { type: 'TenantRenamed', data: { name: 'Acme Ltd', slug: 'acme-ltd' } };
const renamed = at(2, renaming);
const closed = at(3, tenantClosed);
const erased = recorded({ type: 'TenantErased', data: { tenantId: tenant_id } });

const unlocked = { lock: 'none', lock_reason: null, locked_since: null };
const row = { tenant_id, name: 'Acme', slug: 'acme', plan: 'free', ...unlocked, version: 1 };

describe('the tenants read model', () => {
  it('has a row for each tenant', () => project(tenantsProjection, created).thenRows('tenants', row));
  it('shows the last name and the version of the rename', () =>
    project(tenantsProjection, created, renamed).thenRows('tenants', {
      ...row,
      name: 'Acme Ltd',
      slug: 'acme-ltd',
      version: 2,
    }));
  it('changes a row that was made in an earlier batch', () =>
    project(tenantsProjection, renamed).thenPatched(
      'tenants',
      { tenant_id },
      { name: 'Acme Ltd', slug: 'acme-ltd', version: 2 },
    ));
  it('keeps its version when events follow that do not change the row', () =>
    project(tenantsProjection, created, at(2, memberJoined(USERS.member, 'member'))).thenRows('tenants', row));
  it('has no row for a closed tenant, and stores when to erase it', () => {
    const projected = project(tenantsProjection, created, renamed, closed);
    projected.thenRemoved('tenants', { tenant_id });
    projected.thenRows('closed_tenants', { tenant_id, erase_after: '2026-03-01T00:00:00.000Z' });
  });
  it('does not create a row for a tenant that is renamed after it was closed', () =>
    project(tenantsProjection, created, closed, at(4, renaming)).thenRemoved('tenants', { tenant_id }));
  it('has no closed tenant that was erased', () =>
    project(tenantsProjection, created, closed, erased).thenRemoved('closed_tenants', { tenant_id }));
});
