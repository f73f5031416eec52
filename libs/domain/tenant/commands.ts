import { TenantCommand } from '../command';
import type { BillingAccount } from './billing-account';
import type { Terms } from './billing-events';
import type { BillingFacts } from './decide-billing';
import type { InviteMemberInput, JoinTenantInput, RevokeInvitationInput } from './decide-invitations';
import type { ChangeRoleInput, RemoveMemberInput, TransferOwnershipInput } from './decide-members';
import type { ChangeTeamInput, NameTeamInput, TeamMemberInput } from './decide-teams';
import type { CloseTenantInput, CreateTenantInput, RenameTenantInput } from './decide-tenant';

/** Founds a workspace; its stream must not exist yet. */
export class CreateTenant extends TenantCommand<CreateTenantInput> {}
export class RenameTenant extends TenantCommand<RenameTenantInput> {}
export class CloseTenant extends TenantCommand<CloseTenantInput> {}

export class InviteMember extends TenantCommand<InviteMemberInput> {}
export class RevokeInvitation extends TenantCommand<RevokeInvitationInput> {}
/** By the token of an invitation. */
export class JoinTenant extends TenantCommand<JoinTenantInput> {}

export class ChangeRole extends TenantCommand<ChangeRoleInput> {}
/** Of another, or of oneself. */
export class RemoveMember extends TenantCommand<RemoveMemberInput> {}
export class TransferOwnership extends TenantCommand<TransferOwnershipInput> {}

export class CreateTeam extends TenantCommand<NameTeamInput> {}
export class RenameTeam extends TenantCommand<NameTeamInput> {}
export class DeleteTeam extends TenantCommand<ChangeTeamInput> {}
export class AddTeamMember extends TenantCommand<TeamMemberInput> {}
export class RemoveTeamMember extends TenantCommand<TeamMemberInput> {}

/** Becomes what Stripe says of the tenant's customer now. */
export class FollowStripe extends TenantCommand<{
  readonly facts: BillingFacts;
  /** The account from before Stripe was asked; undefined: the tenant was not open then. */
  readonly seen: BillingAccount | undefined;
}> {}
/** Locks and suspends where the time for it has come. */
export class AdvanceStanding extends TenantCommand<{ /** RFC 3339: now. */ readonly at: string }> {}
/** Of an operator: terms outside the catalogue. */
export class ReleaseTerms extends TenantCommand<{ readonly free: Terms }> {}
export class AgreeTerms extends TenantCommand<{ readonly terms: Terms }> {}
