import { project, recorded } from '../../libs/testing/given-when-then';
import { membersProjection } from './projection';

it('the members read model begins with the owner', () => {
  const tenantId = '01a20000-0000-7000-8000-000000000001';
  const ownerId = '01a20000-0000-7000-8000-000000000002';
  const created = recorded({
    stream: { tenantId, aggregate: 'tenant', id: tenantId },
    type: 'TenantCreated',
    data: { name: 'Acme', slug: 'acme', ownerId, plan: 'free' },
  });
  project(membersProjection, created).thenRows('members', {
    tenant_id: tenantId,
    person_id: ownerId,
    role: 'owner',
    joined_at: '2026-01-02T03:04:05.678Z',
  });
});
