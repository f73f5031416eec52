import { specificationOf } from '#testing/given-when-then';
import { PEOPLE, staffed, tenantClosed, tenantCreated } from '#testing/tenant-facts';
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

const { owner, stranger } = PEOPLE;
const eraseAfter = '2026-03-01T00:00:00.000Z';

const create =
  (creation: Partial<CreateTenantInput> = {}) =>
  (tenant: Tenant) =>
    createTenant({ name: 'Acme', slug: 'acme', ownerId: owner, ...creation }, tenant);
const rename = (renaming: Partial<RenameTenantInput>, seen?: number) => (tenant: Tenant) =>
  renameTenant({ by: owner, ...renaming }, tenant, seen);
const close =
  (closing: Partial<CloseTenantInput> = {}, seen?: number) =>
  (tenant: Tenant) =>
    closeTenant({ by: owner, confirmName: 'Acme', eraseAfter, ...closing }, tenant, seen);
const renamed = (name: string, slug = 'acme'): TenantRenamed => ({ type: 'TenantRenamed', data: { name, slug } });

describe('creating a tenant', () => {
  it('makes it with its owner inside, on the free plan', () => given().when(create()).thenHappened(tenantCreated));
  it('is refused where it exists', () => given(tenantCreated).when(create()).thenRefused('conflict'));
  it('is refused where it was closed', () => given(tenantCreated, tenantClosed).when(create()).thenRefused('conflict'));
});

describe('renaming a tenant', () => {
  it('records name and slug', () =>
    given(tenantCreated)
      .when(rename({ name: 'Acme Ltd', slug: 'acme-ltd' }))
      .thenHappened(renamed('Acme Ltd', 'acme-ltd')));
  it('keeps what is not named', () =>
    given(tenantCreated)
      .when(rename({ name: 'Acme Ltd' }))
      .thenHappened(renamed('Acme Ltd')));
  it('to what it is called already is nothing', () =>
    given(tenantCreated)
      .when(rename({ name: 'Acme' }))
      .thenNothing());
  it('back and forth is two facts', () =>
    given(tenantCreated, renamed('Other'))
      .when(rename({ name: 'Acme' }))
      .thenHappened(renamed('Acme')));
  it('is for admins too', () =>
    given(...staffed)
      .when(rename({ by: PEOPLE.admin, name: 'Acme Ltd' }))
      .thenHappened(renamed('Acme Ltd')));
  it.each(['member', 'auditor'] as const)('is not for somebody who is %s', (role) =>
    given(...staffed)
      .when(rename({ by: PEOPLE[role], name: 'Mine' }))
      .thenRefused('forbidden'),
  );
  it('is not found by somebody who does not belong to it', () =>
    given(tenantCreated)
      .when(rename({ by: stranger, name: 'Mine' }))
      .thenRefused('not-found'));
  it('is not found where there is none', () =>
    given()
      .when(rename({ name: 'Acme' }))
      .thenRefused('not-found'));
  it('is not found where it was closed', () =>
    given(tenantCreated, tenantClosed)
      .when(rename({ name: 'Other' }))
      .thenRefused('not-found'));
  it('goes by the version of its name, whatever else has happened since', () =>
    given(...staffed)
      .when(rename({ name: 'Acme Ltd' }, 1))
      .thenHappened(renamed('Acme Ltd')));
  it('under a version before its last name is refused', () =>
    given(tenantCreated, renamed('Other'))
      .when(rename({ name: 'Acme Ltd' }, 1))
      .thenRefused('precondition-failed'));
  it('under a version that is the stream’s and not its name’s is refused', () =>
    given(...staffed)
      .when(rename({ name: 'Acme Ltd' }, 4))
      .thenRefused('precondition-failed'));
});

describe('closing a tenant', () => {
  it('records when it is to be erased', () => given(tenantCreated).when(close()).thenHappened(tenantClosed));
  it.each(['', 'acme', 'Acme ', 'Other'])('is refused where the name is given as %j', (confirmName) =>
    given(tenantCreated).when(close({ confirmName })).thenRefused('conflict'),
  );
  it('goes by its present name', () =>
    given(tenantCreated, renamed('Other'))
      .when(close({ confirmName: 'Other' }))
      .thenHappened(tenantClosed));
  it('under a version before its last name is refused', () =>
    given(tenantCreated, renamed('Other'))
      .when(close({ confirmName: 'Other' }, 1))
      .thenRefused('precondition-failed'));
  it.each(['admin', 'member', 'auditor'] as const)('is not for somebody who is %s', (role) =>
    given(...staffed)
      .when(close({ by: PEOPLE[role] }))
      .thenRefused('forbidden'),
  );
  it('is not found by somebody who does not belong to it', () =>
    given(tenantCreated)
      .when(close({ by: stranger }))
      .thenRefused('not-found'));
  it('is not found a second time', () => given(tenantCreated, tenantClosed).when(close()).thenRefused('not-found'));
  it('is not found where there is none', () => given().when(close()).thenRefused('not-found'));
});

describe('a tenant’s stream', () => {
  it('changes nothing by what comes after the closing', () =>
    given(tenantCreated, tenantClosed, renamed('Other'))
      .when(close({ confirmName: 'Other' }))
      .thenRefused('not-found'));
  it('begins with its creation', () =>
    expect(() => tenantFold.evolve(tenantFold.initial, tenantClosed, 1)).toThrow('does not begin'));
});
