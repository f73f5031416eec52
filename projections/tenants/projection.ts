import { join } from 'node:path';
import { defineProjection } from '../define-projection';

const tables = {
  tenants: {
    key: ['tenant_id'],
    columns: {
      tenant_id: 'uuid',
      name: 'text',
      slug: 'text',
      plan: 'text',
      lock: 'text',
      lock_reason: 'text',
      locked_since: 'timestamptz',
      version: 'integer',
    },
  },
  companies: { key: ['tenant_id'], columns: { tenant_id: 'uuid', name: 'text', slug: 'text' } },
  closed_tenants: { key: ['tenant_id'], columns: { tenant_id: 'uuid', erase_after: 'timestamptz' } },
} as const;

const UNLOCKED = { lock: 'none', lock_reason: null, locked_since: null };

/** Open tenants as their members see them, and closed tenants that are not erased yet. */
export const tenantsProjection = defineProjection({
  name: 'tenants',
  version: 3,
  schema: join(__dirname, 'schema.sql'),
  tables,
  leavesAlone: [
    'tenant.members',
    'tenant.invitations',
    'tenant.teams',
    'tenant.subscription',
    'tenant.payments',
    'project',
    'task',
    'user',
    'session',
    'operators.actions',
    'refusals',
  ],
  on: {
    TenantCreated: ({ stream, data, version }, rows) => {
      rows.tenants.put({
        tenant_id: stream.tenantId,
        name: data.name,
        slug: data.slug,
        plan: data.plan,
        ...UNLOCKED,
        version,
      });
      rows.companies.put({ tenant_id: stream.tenantId, name: data.name, slug: data.slug });
    },
    TenantRenamed: ({ stream, data, version }, rows) => {
      rows.tenants.patch({ tenant_id: stream.tenantId }, { name: data.name, slug: data.slug, version });
      rows.companies.patch({ tenant_id: stream.tenantId }, { name: data.name, slug: data.slug });
    },
    TenantClosed: ({ stream, data }, rows) => {
      rows.tenants.remove({ tenant_id: stream.tenantId });
      rows.companies.remove({ tenant_id: stream.tenantId });
      rows.closed_tenants.put({ tenant_id: stream.tenantId, erase_after: data.eraseAfter });
    },
    PlanChanged: ({ stream, data, version }, rows) => {
      rows.tenants.patch({ tenant_id: stream.tenantId }, { plan: data.terms.plan, version });
    },
    WorkspaceLocked: ({ stream, data: { reason, since }, version }, rows) => {
      const lock = { lock: 'locked', lock_reason: reason, locked_since: since };
      rows.tenants.patch({ tenant_id: stream.tenantId }, { ...lock, version });
    },
    WorkspaceSuspended: ({ stream, version }, rows) => {
      rows.tenants.patch({ tenant_id: stream.tenantId }, { lock: 'suspended', version });
    },
    WorkspaceUnlocked: ({ stream, version }, rows) => {
      rows.tenants.patch({ tenant_id: stream.tenantId }, { ...UNLOCKED, version });
    },
    TenantErased: ({ data }, rows) => {
      rows.closed_tenants.remove({ tenant_id: data.tenantId });
    },
  },
});
