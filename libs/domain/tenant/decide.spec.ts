import { specificationOf } from '../../testing/given-when-then';
import { type Creation, createTenant, type Renaming, renameTenant } from './decide';
import type { TenantCreated } from './events';
import { type Tenant, tenantFold } from './evolve';

const { given } = specificationOf(tenantFold);

const owner = '01a20000-0000-7000-8000-000000000001';
const stranger = '01a20000-0000-7000-8000-000000000002';

const tenantCreated: TenantCreated = {
  type: 'TenantCreated',
  data: { name: 'Acme', slug: 'acme', ownerId: owner, plan: 'free' },
};
const create =
  (creation: Partial<Creation> = {}) =>
  (tenant: Tenant) =>
    createTenant({ name: 'Acme', slug: 'acme', ownerId: owner, ...creation }, tenant);
const rename = (renaming: Partial<Renaming>) => (tenant: Tenant) => renameTenant({ by: owner, ...renaming }, tenant);

describe('creating a tenant', () => {
  it('makes it with its owner inside, on the free plan', () => given().when(create()).thenHappened(tenantCreated));
  it('is refused where it exists', () => given(tenantCreated).when(create()).thenRefused('conflict'));
});

describe('renaming a tenant', () => {
  it('records name and slug', () =>
    given(tenantCreated)
      .when(rename({ name: 'Acme Ltd', slug: 'acme-ltd' }))
      .thenHappened({ type: 'TenantRenamed', data: { name: 'Acme Ltd', slug: 'acme-ltd' } }));
  it('keeps what is not named', () =>
    given(tenantCreated)
      .when(rename({ name: 'Acme Ltd' }))
      .thenHappened({ type: 'TenantRenamed', data: { name: 'Acme Ltd', slug: 'acme' } }));
  it('to what it is called already is nothing', () =>
    given(tenantCreated)
      .when(rename({ name: 'Acme' }))
      .thenNothing());
  it('back and forth is two facts', () =>
    given(tenantCreated, { type: 'TenantRenamed', data: { name: 'Other', slug: 'acme' } })
      .when(rename({ name: 'Acme' }))
      .thenHappened({ type: 'TenantRenamed', data: { name: 'Acme', slug: 'acme' } }));
  it('is not found by somebody who does not belong to it', () =>
    given(tenantCreated)
      .when(rename({ by: stranger, name: 'Mine' }))
      .thenRefused('not-found'));
  it('is not found where there is none', () =>
    given()
      .when(rename({ name: 'Acme' }))
      .thenRefused('not-found'));
});
