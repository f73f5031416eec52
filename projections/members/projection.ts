import { join } from 'node:path';
import { defineProjection } from '../define-projection';

const tables = {
  members: {
    key: ['tenant_id', 'user_id'],
    columns: {
      tenant_id: 'uuid',
      user_id: 'uuid',
      role: 'text',
      joined_at: 'timestamptz',
      joined_position: 'bigint',
      version: 'integer',
    },
  },
  memberships: {
    key: ['user_id', 'tenant_id'],
    columns: { user_id: 'uuid', tenant_id: 'uuid', role: 'text', joined_position: 'bigint' },
  },
} as const;

/**
 * Memberships, in one table for queries by tenant and one for queries by user. The planner would combine two policies
 * on one table with `or`, for which no index has the order of a list.
 */
export const membersProjection = defineProjection({
  name: 'members',
  version: 2,
  schema: join(__dirname, 'schema.sql'),
  tables,
  leavesAlone: [
    'tenant.invitations',
    'tenant.teams',
    'tenant.plan',
    'tenant.subscription',
    'tenant.payments',
    'tenant.lock',
    'project',
    'task',
    'user',
    'session',
    'operators',
    'refusals',
    'TenantRenamed',
    'TenantClosed',
  ],
  on: {
    TenantCreated: ({ stream, data, recordedAt, position, version }, rows) => {
      rows.members.put({
        tenant_id: stream.tenantId,
        user_id: data.ownerId,
        role: 'owner',
        joined_at: recordedAt.toISOString(),
        joined_position: position,
        version,
      });
      rows.memberships.put({
        user_id: data.ownerId,
        tenant_id: stream.tenantId,
        role: 'owner',
        joined_position: position,
      });
    },
    MemberJoined: ({ stream, data, recordedAt, position, version }, rows) => {
      rows.members.put({
        tenant_id: stream.tenantId,
        user_id: data.userId,
        role: data.role,
        joined_at: recordedAt.toISOString(),
        joined_position: position,
        version,
      });
      rows.memberships.put({
        user_id: data.userId,
        tenant_id: stream.tenantId,
        role: data.role,
        joined_position: position,
      });
    },
    MemberRoleChanged: ({ stream, data, version }, rows) => {
      rows.members.patch({ tenant_id: stream.tenantId, user_id: data.userId }, { role: data.role, version });
      rows.memberships.patch({ user_id: data.userId, tenant_id: stream.tenantId }, { role: data.role });
    },
    MemberRemoved: ({ stream, data }, rows) => {
      rows.members.remove({ tenant_id: stream.tenantId, user_id: data.userId });
      rows.memberships.remove({ user_id: data.userId, tenant_id: stream.tenantId });
    },
    OwnershipTransferred: ({ stream, data, version }, rows) => {
      rows.members.patch({ tenant_id: stream.tenantId, user_id: data.to }, { role: 'owner', version });
      rows.members.patch({ tenant_id: stream.tenantId, user_id: data.from }, { role: 'admin', version });
      rows.memberships.patch({ user_id: data.to, tenant_id: stream.tenantId }, { role: 'owner' });
      rows.memberships.patch({ user_id: data.from, tenant_id: stream.tenantId }, { role: 'admin' });
    },
  },
});
