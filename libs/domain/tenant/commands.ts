import { TenantCommand } from '../command';
import type { Account } from './billing';
import type { Terms } from './billing-events';
import type { BillingFacts } from './decide-billing';
import type { Invitating, Joining, Revoking } from './decide-invitations';
import type { Removing, RoleChange, Transfer } from './decide-members';
import type { TeamChange, TeamMembership, TeamNaming } from './decide-teams';
import type { Closing, Creation, Renaming } from './decide-workspace';

/** Founds a workspace; its stream must not exist yet. */
export class CreateTenant extends TenantCommand<Creation> {}
export class RenameTenant extends TenantCommand<Renaming> {}
export class CloseTenant extends TenantCommand<Closing> {}

export class InviteMember extends TenantCommand<Invitating> {}
export class RevokeInvitation extends TenantCommand<Revoking> {}
/** By the token of an invitation. */
export class JoinTenant extends TenantCommand<Joining> {}

export class ChangeRole extends TenantCommand<RoleChange> {}
/** Of another, or of oneself. */
export class RemoveMember extends TenantCommand<Removing> {}
export class TransferOwnership extends TenantCommand<Transfer> {}

export class CreateTeam extends TenantCommand<TeamNaming> {}
export class RenameTeam extends TenantCommand<TeamNaming> {}
export class DeleteTeam extends TenantCommand<TeamChange> {}
export class AddTeamMember extends TenantCommand<TeamMembership> {}
export class RemoveTeamMember extends TenantCommand<TeamMembership> {}

/** Becomes what Stripe says of the tenant's customer now. */
export class FollowStripe extends TenantCommand<{
  readonly facts: BillingFacts;
  /** The account from before Stripe was asked; undefined: the tenant was not open then. */
  readonly seen: Account | undefined;
}> {}
/** Locks and suspends where the time for it has come. */
export class AdvanceStanding extends TenantCommand<{ /** RFC 3339: now. */ readonly at: string }> {}
/** Of an operator: terms outside the catalogue. */
export class ReleaseTerms extends TenantCommand<{ readonly free: Terms }> {}
export class AgreeTerms extends TenantCommand<{ readonly terms: Terms }> {}
