import { specificationOf } from '#testing/given-when-then';
import { tenantClosed, tenantCreated, tenantWithStaff, USERS } from '#testing/tenant-facts';
import {
  type CloseTenantInput,
  type CreateTenantInput,
  closeTenant,
  createTenant,
  type RenameTenantInput,
  renameTenant,
} from './decide-tenant';
import type { TenantRenamed } from './events';
import { type Tenant, tenantFold } from './evolve';

const { given } = specificationOf(tenantFold);

const { owner, stranger } = USERS;
const eraseAfter = '2026-03-01T00:00:00.000Z';

const create =
  (creation: Partial<CreateTenantInput> = {}) =>
  (tenant: Tenant) =>
    createTenant({ name: 'Acme', slug: 'acme', ownerId: owner, ...creation }, tenant);
const rename = (renaming: Partial<RenameTenantInput>, requiredVersion?: number) => (tenant: Tenant) =>
  renameTenant({ by: owner, ...renaming }, tenant, requiredVersion);
const close =
  (closing: Partial<CloseTenantInput> = {}, requiredVersion?: number) =>
  (tenant: Tenant) =>
    closeTenant({ by: owner, confirmName: 'Acme', eraseAfter, ...closing }, tenant, requiredVersion);
const renamed = (name: string, slug = 'acme'): TenantRenamed => ({ type: 'TenantRenamed', data: { name, slug } });

describe('creating a tenant', () => {
  it('records the owner and the free plan', () => given().when(create()).thenHappened(tenantCreated));
  it('is refused if the tenant exists', () =>
    given(tenantCreated).when(create()).thenRefused('conflict', 'A tenant with this id already exists.'));
  it('is refused if the tenant is closed', () =>
    given(tenantCreated, tenantClosed).when(create()).thenRefused('conflict'));
});

describe('renaming a tenant', () => {
  it('records the name and the slug', () =>
    given(tenantCreated)
      .when(rename({ name: 'Acme Ltd', slug: 'acme-ltd' }))
      .thenHappened(renamed('Acme Ltd', 'acme-ltd')));
  it('keeps a field that is left out', () =>
    given(tenantCreated)
      .when(rename({ name: 'Acme Ltd' }))
      .thenHappened(renamed('Acme Ltd')));
  it('records a slug without a new name', () =>
    given(tenantCreated)
      .when(rename({ slug: 'acme-ltd' }))
      .thenHappened(renamed('Acme', 'acme-ltd')));
  it('adds no event for the present name', () =>
    given(tenantCreated)
      .when(rename({ name: 'Acme' }))
      .thenNothing());
  it('adds an event for the change back, too', () =>
    given(tenantCreated, renamed('Other'))
      .when(rename({ name: 'Acme' }))
      .thenHappened(renamed('Acme')));
  it('is allowed to an admin, too', () =>
    given(...tenantWithStaff)
      .when(rename({ by: USERS.admin, name: 'Acme Ltd' }))
      .thenHappened(renamed('Acme Ltd')));
  it.each(['member', 'auditor'] as const)('is forbidden to the role %s', (role) =>
    given(...tenantWithStaff)
      .when(rename({ by: USERS[role], name: 'Mine' }))
      .thenRefused('forbidden'),
  );
  it('is refused with not-found if the sender is not a member', () =>
    given(tenantCreated)
      .when(rename({ by: stranger, name: 'Mine' }))
      .thenRefused('not-found'));
  it('is refused with not-found if there is no such tenant', () =>
    given()
      .when(rename({ name: 'Acme' }))
      .thenRefused('not-found'));
  it('is refused with not-found if the tenant is closed', () =>
    given(tenantCreated, tenantClosed)
      .when(rename({ name: 'Other' }))
      .thenRefused('not-found'));
  it('accepts the version of the last renaming, whatever else has happened since then', () =>
    given(...tenantWithStaff)
      .when(rename({ name: 'Acme Ltd' }, 1))
      .thenHappened(renamed('Acme Ltd')));
  it('is refused if the expected version is older than the last renaming', () =>
    given(tenantCreated, renamed('Other'))
      .when(rename({ name: 'Acme Ltd' }, 1))
      .thenRefused('precondition-failed'));
  it('is refused with the stream’s version, if the last event was not a renaming', () =>
    given(...tenantWithStaff)
      .when(rename({ name: 'Acme Ltd' }, 4))
      .thenRefused('precondition-failed'));
});

describe('closing a tenant', () => {
  it('records the time after which the data is erased', () =>
    given(tenantCreated).when(close()).thenHappened(tenantClosed));
  it.each(['', 'acme', 'Acme ', 'Other'])('is refused with the name %j', (confirmName) =>
    given(tenantCreated)
      .when(close({ confirmName }))
      .thenRefused(
        'conflict',
        'The name does not match the name of the tenant, so nothing was closed. Send the exact name.',
      ),
  );
  it('needs the present name', () =>
    given(tenantCreated, renamed('Other'))
      .when(close({ confirmName: 'Other' }))
      .thenHappened(tenantClosed));
  it('is refused if the expected version is older than the last renaming', () =>
    given(tenantCreated, renamed('Other'))
      .when(close({ confirmName: 'Other' }, 1))
      .thenRefused('precondition-failed'));
  it.each(['admin', 'member', 'auditor'] as const)('is forbidden to the role %s', (role) =>
    given(...tenantWithStaff)
      .when(close({ by: USERS[role] }))
      .thenRefused('forbidden'),
  );
  it('is refused with not-found if the sender is not a member', () =>
    given(tenantCreated)
      .when(close({ by: stranger }))
      .thenRefused('not-found'));
  it('is refused with not-found a second time', () =>
    given(tenantCreated, tenantClosed).when(close()).thenRefused('not-found'));
  it('is refused with not-found if there is no such tenant', () => given().when(close()).thenRefused('not-found'));
});

describe('a tenant’s stream', () => {
  it('ignores an event after the closing', () =>
    given(tenantCreated, tenantClosed, renamed('Other'))
      .when(close({ confirmName: 'Other' }))
      .thenRefused('not-found'));
  it('must begin with TenantCreated', () =>
    expect(() => tenantFold.evolve(tenantFold.initial, tenantClosed, 1)).toThrow('does not begin'));
});
