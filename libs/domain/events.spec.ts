import { EVENT_TYPES } from './events';

describe('the names of the events', () => {
  it('are these, and stay: logs of customers hold them. A new event is added at its place', () => {
    expect([...EVENT_TYPES].sort()).toEqual(
      [
        ...['TenantCreated', 'TenantRenamed', 'TenantClosed', 'TenantErased', 'OwnershipTransferred'],
        ...['OperatorAdded', 'OperatorRemoved', 'OperatorTokenIssued', 'OperatorActed'],
        ...['MemberInvited', 'InvitationRevoked', 'MemberJoined', 'MemberRoleChanged', 'MemberRemoved'],
        ...['TeamCreated', 'TeamRenamed', 'TeamDeleted', 'TeamMemberAdded', 'TeamMemberRemoved'],
        ...['PlanChanged', 'SubscriptionStarted', 'SubscriptionUpdated', 'SubscriptionCanceled', 'SeatsChanged'],
        ...['PaymentFailed', 'PaymentSucceeded', 'PaymentForgiven', 'PaymentDisputed', 'BillingDriftRepaired'],
        ...['WorkspaceLocked', 'WorkspaceSuspended', 'WorkspaceUnlocked', 'OperationRefused'],
        ...['ProjectCreated', 'ProjectChanged', 'ProjectArchived', 'ProjectRestored'],
        ...['TaskCreated', 'TaskDescribed', 'TaskStatusChanged', 'TaskAssigned', 'TaskUnassigned'],
        ...['TaskDueDateChanged', 'TaskDeleted', 'UserRegistered', 'UserErased'],
        ...['PasswordChanged', 'EmailChanged', 'SignInsFailed', 'SessionStarted', 'SessionEnded'],
      ].sort(),
    );
  });
});
