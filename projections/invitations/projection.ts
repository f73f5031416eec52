import { join } from 'node:path';
import type { DomainEvent } from '../../libs/domain/events';
import { defineProjection } from '../../libs/projecting/projection';

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

/** Links by which people join, and which link it is that somebody holds the token of. */
export const invitationsProjection = defineProjection<DomainEvent, typeof tables>({
  name: 'invitations',
  version: 2,
  schema: join(__dirname, 'schema.sql'),
  tables,
  on: {
    TenantCreated: 'ignored',
    TenantRenamed: 'ignored',
    TenantClosed: 'ignored',
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
    MemberRoleChanged: 'ignored',
    MemberRemoved: 'ignored',
    OwnershipTransferred: 'ignored',
    TeamCreated: 'ignored',
    TeamRenamed: 'ignored',
    TeamDeleted: 'ignored',
    TeamMemberAdded: 'ignored',
    TeamMemberRemoved: 'ignored',
    PlanChanged: 'ignored',
    SubscriptionStarted: 'ignored',
    SubscriptionUpdated: 'ignored',
    SubscriptionCanceled: 'ignored',
    SeatsChanged: 'ignored',
    PaymentFailed: 'ignored',
    PaymentSucceeded: 'ignored',
    PaymentForgiven: 'ignored',
    PaymentDisputed: 'ignored',
    WorkspaceLocked: 'ignored',
    WorkspaceSuspended: 'ignored',
    WorkspaceUnlocked: 'ignored',
    BillingDriftRepaired: 'ignored',
    OperationRefused: 'ignored',
    PersonRegistered: 'ignored',
    PersonErased: 'ignored',
    ProjectCreated: 'ignored',
    ProjectChanged: 'ignored',
    ProjectArchived: 'ignored',
    ProjectRestored: 'ignored',
    TaskCreated: 'ignored',
    TaskDescribed: 'ignored',
    TaskStatusChanged: 'ignored',
    TaskAssigned: 'ignored',
    TaskUnassigned: 'ignored',
    TaskDueDateChanged: 'ignored',
    TaskDeleted: 'ignored',
    TenantErased: 'ignored',
  },
});
