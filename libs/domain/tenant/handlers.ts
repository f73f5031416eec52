import { Inject, Injectable } from '@nestjs/common';
import { CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { AggregateStore, type Executed } from '../../event-log/aggregate-store';
import { LIMIT_GUARD, type LimitGuard } from '../../plans/limit-guard.port';
import type { CommandContext } from '../command';
import type { InStreamLimits } from '../limits';
import {
  AddTeamMember,
  AdvanceStanding,
  AgreeTerms,
  ChangeRole,
  CloseTenant,
  CreateTeam,
  CreateTenant,
  DeleteTeam,
  FollowStripe,
  InviteMember,
  JoinTenant,
  ReleaseTerms,
  RemoveMember,
  RemoveTeamMember,
  RenameTeam,
  RenameTenant,
  RevokeInvitation,
  TransferOwnership,
} from './commands';
import { advanceStanding, agreeTerms, followStripe, releaseTerms } from './decide-billing';
import { inviteMember, joinTenant, revokeInvitation } from './decide-invitations';
import { changeRole, removeMember, transferOwnership } from './decide-members';
import { addTeamMember, createTeam, deleteTeam, removeTeamMember, renameTeam } from './decide-teams';
import { closeTenant, createTenant, renameTenant } from './decide-workspace';
import type { TenantEvent } from './events';
import { type Tenant, tenantFold } from './evolve';

type Done = Executed<Tenant>;

/** What a command of a tenant looks like to its handler. */
interface Asked<Wanted> {
  readonly tenantId: string;
  readonly wanted: Wanted;
  readonly context: CommandContext;
  readonly expectedVersion?: number | undefined;
}

const tenantStream = (tenantId: string) => ({ tenantId, aggregate: tenantFold.aggregate, id: tenantId });

/** A rule of the tenant as a command handler. */
@Injectable()
abstract class TenantRule<Wanted> {
  constructor(private readonly store: AggregateStore) {}

  protected abstract readonly decide: (wanted: Wanted, tenant: Tenant, seen?: number) => TenantEvent[];

  execute({ tenantId, wanted, context, expectedVersion }: Asked<Wanted>): Promise<Done> {
    const decide = (tenant: Tenant) => this.decide(wanted, tenant, expectedVersion);
    return this.store.execute(tenantFold, tenantStream(tenantId), context, decide);
  }
}

/** The same for a rule that a plan's limits bind. */
@Injectable()
abstract class LimitedRule<Wanted> {
  constructor(
    private readonly store: AggregateStore,
    @Inject(LIMIT_GUARD) private readonly guard: LimitGuard,
  ) {}

  protected abstract readonly decide: (wanted: Wanted, limits: InStreamLimits, tenant: Tenant) => TenantEvent[];

  execute({ tenantId, wanted, context }: Asked<Wanted>): Promise<Done> {
    const decide = (tenant: Tenant) => this.decide(wanted, this.guard.limitsOf(tenant), tenant);
    return this.store.execute(tenantFold, tenantStream(tenantId), context, decide);
  }
}

@CommandHandler(CreateTenant)
export class CreateTenantHandler implements ICommandHandler<CreateTenant, Done> {
  constructor(private readonly store: AggregateStore) {}

  execute({ tenantId, wanted, context }: CreateTenant): Promise<Done> {
    return this.store.create(tenantFold, tenantStream(tenantId), context, (tenant) => createTenant(wanted, tenant));
  }
}

@CommandHandler(RenameTenant)
class RenameTenantHandler extends TenantRule<RenameTenant['wanted']> {
  protected override readonly decide = renameTenant;
}

@CommandHandler(CloseTenant)
class CloseTenantHandler extends TenantRule<CloseTenant['wanted']> {
  protected override readonly decide = closeTenant;
}

@CommandHandler(InviteMember)
class InviteMemberHandler extends LimitedRule<InviteMember['wanted']> {
  protected override readonly decide = inviteMember;
}

@CommandHandler(RevokeInvitation)
class RevokeInvitationHandler extends TenantRule<RevokeInvitation['wanted']> {
  protected override readonly decide = revokeInvitation;
}

@CommandHandler(JoinTenant)
export class JoinTenantHandler extends LimitedRule<JoinTenant['wanted']> {
  protected override readonly decide = joinTenant;
}

@CommandHandler(ChangeRole)
class ChangeRoleHandler extends TenantRule<ChangeRole['wanted']> {
  protected override readonly decide = changeRole;
}

@CommandHandler(RemoveMember)
export class RemoveMemberHandler extends TenantRule<RemoveMember['wanted']> {
  protected override readonly decide = removeMember;
}

@CommandHandler(TransferOwnership)
class TransferOwnershipHandler extends TenantRule<TransferOwnership['wanted']> {
  protected override readonly decide = transferOwnership;
}

@CommandHandler(CreateTeam)
class CreateTeamHandler extends LimitedRule<CreateTeam['wanted']> {
  protected override readonly decide = createTeam;
}

@CommandHandler(RenameTeam)
class RenameTeamHandler extends TenantRule<RenameTeam['wanted']> {
  protected override readonly decide = renameTeam;
}

@CommandHandler(DeleteTeam)
class DeleteTeamHandler extends TenantRule<DeleteTeam['wanted']> {
  protected override readonly decide = deleteTeam;
}

@CommandHandler(AddTeamMember)
class AddTeamMemberHandler extends TenantRule<AddTeamMember['wanted']> {
  protected override readonly decide = addTeamMember;
}

@CommandHandler(RemoveTeamMember)
class RemoveTeamMemberHandler extends TenantRule<RemoveTeamMember['wanted']> {
  protected override readonly decide = removeTeamMember;
}

@CommandHandler(FollowStripe)
export class FollowStripeHandler extends TenantRule<FollowStripe['wanted']> {
  protected override readonly decide = ({ facts, seen }: FollowStripe['wanted'], tenant: Tenant) =>
    followStripe(facts, tenant, seen);
}

@CommandHandler(AdvanceStanding)
export class AdvanceStandingHandler extends TenantRule<AdvanceStanding['wanted']> {
  protected override readonly decide = advanceStanding;
}

@CommandHandler(ReleaseTerms)
export class ReleaseTermsHandler extends TenantRule<ReleaseTerms['wanted']> {
  protected override readonly decide = releaseTerms;
}

@CommandHandler(AgreeTerms)
export class AgreeTermsHandler extends TenantRule<AgreeTerms['wanted']> {
  protected override readonly decide = agreeTerms;
}

export const tenantHandlers = [
  CreateTenantHandler,
  RenameTenantHandler,
  CloseTenantHandler,
  InviteMemberHandler,
  RevokeInvitationHandler,
  JoinTenantHandler,
  ChangeRoleHandler,
  RemoveMemberHandler,
  TransferOwnershipHandler,
  CreateTeamHandler,
  RenameTeamHandler,
  DeleteTeamHandler,
  AddTeamMemberHandler,
  RemoveTeamMemberHandler,
  FollowStripeHandler,
];
