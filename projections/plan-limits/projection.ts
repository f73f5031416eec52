import { join } from 'node:path';
import type { DomainEvent } from '../../libs/domain/events';
import { defineProjection } from '../../libs/projecting/projection';

const tables = {
  plan_terms: {
    key: ['tenant_id'],
    columns: { tenant_id: 'uuid', plan: 'text', version: 'integer', limits: 'jsonb', features: 'jsonb' },
  },
  plan_units: {
    key: ['tenant_id', 'unit_id'],
    columns: { tenant_id: 'uuid', unit_id: 'uuid', scope_id: 'uuid', command_id: 'uuid' },
  },
} as const;

/** What each company has bought, and what of it is in use. A reservation counts until its unit is here. */
export const planLimitsProjection = defineProjection<DomainEvent, typeof tables>({
  name: 'plan-limits',
  version: 1,
  schema: join(__dirname, 'schema.sql'),
  tables,
  on: {
    PlanChanged: ({ stream, data: { terms } }, rows) => {
      rows.plan_terms.put({
        tenant_id: stream.tenantId,
        plan: terms.plan,
        version: terms.version,
        limits: JSON.stringify(terms.limits),
        features: JSON.stringify(terms.features),
      });
    },
    ProjectCreated: ({ stream: { tenantId, id }, commandId }, rows) => {
      rows.plan_units.put({ tenant_id: tenantId, unit_id: id, scope_id: tenantId, command_id: commandId });
    },
    ProjectArchived: ({ stream: { tenantId, id } }, rows) => {
      rows.plan_units.remove({ tenant_id: tenantId, unit_id: id });
    },
    ProjectRestored: ({ stream: { tenantId, id }, commandId }, rows) => {
      rows.plan_units.put({ tenant_id: tenantId, unit_id: id, scope_id: tenantId, command_id: commandId });
    },
    TaskCreated: ({ stream: { tenantId, id }, commandId, data }, rows) => {
      rows.plan_units.put({ tenant_id: tenantId, unit_id: id, scope_id: data.projectId, command_id: commandId });
    },
    TaskDeleted: ({ stream: { tenantId, id } }, rows) => {
      rows.plan_units.remove({ tenant_id: tenantId, unit_id: id });
    },
    TenantCreated: 'ignored',
    TenantRenamed: 'ignored',
    TenantClosed: 'ignored',
    MemberInvited: 'ignored',
    InvitationRevoked: 'ignored',
    MemberJoined: 'ignored',
    MemberRoleChanged: 'ignored',
    MemberRemoved: 'ignored',
    OwnershipTransferred: 'ignored',
    TeamCreated: 'ignored',
    TeamRenamed: 'ignored',
    TeamDeleted: 'ignored',
    TeamMemberAdded: 'ignored',
    TeamMemberRemoved: 'ignored',
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
    ProjectChanged: 'ignored',
    TaskDescribed: 'ignored',
    TaskStatusChanged: 'ignored',
    TaskAssigned: 'ignored',
    TaskUnassigned: 'ignored',
    TaskDueDateChanged: 'ignored',
    TenantErased: 'ignored',
  },
});
