import { project, recorded } from '../../libs/testing/given-when-then';
import { tenantsProjection } from './projection';

const tenantId = '01a20000-0000-7000-8000-000000000001';
const stream = { tenantId, aggregate: 'tenant', id: tenantId };
const created = recorded({
  stream,
  type: 'TenantCreated',
  data: { name: 'Acme', slug: 'acme', ownerId: '01a20000-0000-7000-8000-000000000002', plan: 'free' },
});
const renamed = recorded({ stream, version: 2, type: 'TenantRenamed', data: { name: 'Acme Ltd', slug: 'acme-ltd' } });

const row = {
  tenant_id: tenantId,
  name: 'Acme',
  slug: 'acme',
  plan: 'free',
  version: 1,
};

describe('the tenants read model', () => {
  it('has a row for each company', () => project(tenantsProjection, created).thenRows('tenants', row));
  it('shows the last name, and the version that it has by it', () =>
    project(tenantsProjection, created, renamed).thenRows('tenants', {
      ...row,
      name: 'Acme Ltd',
      slug: 'acme-ltd',
      version: 2,
    }));
  it('changes a row that was made in an earlier batch', () =>
    project(tenantsProjection, renamed).thenPatched(
      'tenants',
      { tenant_id: tenantId },
      { name: 'Acme Ltd', slug: 'acme-ltd', version: 2 },
    ));
});
