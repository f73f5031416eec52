import { join } from 'node:path';
import type { DomainEvent } from '../../libs/domain/events';
import { defineProjection } from '../../libs/projecting/projection';

const tables = {
  members: {
    key: ['tenant_id', 'person_id'],
    columns: { tenant_id: 'uuid', person_id: 'uuid', role: 'text', joined_at: 'timestamptz' },
  },
} as const;

/** Memberships, asked for by company and by person. */
export const membersProjection = defineProjection<DomainEvent, typeof tables>({
  name: 'members',
  version: 1,
  schema: join(__dirname, 'schema.sql'),
  tables,
  on: {
    TenantCreated: ({ stream, data, recordedAt }, rows) => {
      rows.members.put({
        tenant_id: stream.tenantId,
        person_id: data.ownerId,
        role: 'owner',
        joined_at: recordedAt.toISOString(),
      });
    },
    TenantRenamed: 'ignored',
    PersonRegistered: 'ignored',
  },
});
