import { join } from 'node:path';
import type { DomainEvent } from '../../libs/domain/events';
import { defineProjection } from '../../libs/projecting/projection';

const tables = {
  tenants: {
    key: ['tenant_id'],
    columns: {
      tenant_id: 'uuid',
      name: 'text',
      slug: 'text',
      plan: 'text',
      version: 'integer',
    },
  },
} as const;

/** The workspace as its members see it. */
export const tenantsProjection = defineProjection<DomainEvent, typeof tables>({
  name: 'tenants',
  version: 1,
  schema: join(__dirname, 'schema.sql'),
  tables,
  on: {
    TenantCreated: ({ stream, data, version }, rows) => {
      rows.tenants.put({
        tenant_id: stream.tenantId,
        name: data.name,
        slug: data.slug,
        plan: data.plan,
        version,
      });
    },
    TenantRenamed: ({ stream, data, version }, rows) => {
      rows.tenants.patch({ tenant_id: stream.tenantId }, { name: data.name, slug: data.slug, version });
    },
    PersonRegistered: 'ignored',
  },
});
