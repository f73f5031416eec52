import { join } from 'node:path';
import { defineProjection } from '../define-projection';

const tables = {
  invitations: {
    key: ['tenant_id', 'invitation_id'],
    columns: {
      tenant_id: 'uuid',
      invitation_id: 'uuid',
      role: 'text',
      max_uses: 'integer',
      uses: 'integer',
      expires_at: 'timestamptz',
      revoked: 'boolean',
      email_domains: 'jsonb',
      invited_by: 'uuid',
    },
  },
  invitation_tokens: {
    key: ['token_hash'],
    columns: { token_hash: 'text', tenant_id: 'uuid', invitation_id: 'uuid' },
  },
} as const;

/** The invitations of a tenant, and the invitation that belongs to each token. */
export const invitationsProjection = defineProjection({
  name: 'invitations',
  version: 2,
  schema: join(__dirname, 'schema.sql'),
  tables,
  leavesAlone: [
    'tenant.workspace',
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
    'MemberRoleChanged',
    'MemberRemoved',
    'OwnershipTransferred',
  ],
  on: {
    MemberInvited: ({ stream, data }, rows) => {
      rows.invitations.put({
        tenant_id: stream.tenantId,
        invitation_id: data.invitationId,
        role: data.role,
        max_uses: data.maxUses,
        uses: 0,
        expires_at: data.expiresAt,
        revoked: false,
        email_domains: JSON.stringify(data.emailDomains),
        invited_by: data.invitedBy,
      });
      rows.invitation_tokens.put({
        token_hash: data.tokenHash,
        tenant_id: stream.tenantId,
        invitation_id: data.invitationId,
      });
    },
    InvitationRevoked: ({ stream, data }, rows) => {
      rows.invitations.patch({ tenant_id: stream.tenantId, invitation_id: data.invitationId }, { revoked: true });
    },
    MemberJoined: ({ stream, data }, rows) => {
      rows.invitations.patch({ tenant_id: stream.tenantId, invitation_id: data.invitationId }, { uses: data.use });
    },
  },
});
