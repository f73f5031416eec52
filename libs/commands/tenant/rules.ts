import type { Type } from '@nestjs/common';
import type { RequiredVersion, TenantCommand } from '#domain/command';
import type { InStreamLimits } from '#domain/limits';
import {
  AdvanceStanding,
  AgreeTerms,
  advanceStanding,
  agreeTerms,
  FollowStripe,
  followStripe,
  ReleaseTerms,
  releaseTerms,
} from '#domain/tenant/decide-billing';
import {
  InviteMember,
  inviteMember,
  JoinTenant,
  joinTenant,
  RevokeInvitation,
  revokeInvitation,
} from '#domain/tenant/decide-invitations';
import {
  ChangeRole,
  changeRole,
  RemoveMember,
  removeMember,
  TransferOwnership,
  transferOwnership,
} from '#domain/tenant/decide-members';
import {
  AddTeamMember,
  addTeamMember,
  CreateTeam,
  createTeam,
  DeleteTeam,
  deleteTeam,
  RemoveTeamMember,
  RenameTeam,
  removeTeamMember,
  renameTeam,
} from '#domain/tenant/decide-teams';
import {
  CloseTenant,
  CreateTenant,
  closeTenant,
  createTenant,
  RenameTenant,
  renameTenant,
} from '#domain/tenant/decide-tenant';
import type { TenantEvent } from '#domain/tenant/events';
import { type Tenant, tenantFold } from '#domain/tenant/evolve';
import { commandHandler } from '../command-handler';
import { noFacts } from '../rule';

const aggregate = {
  fold: tenantFold,
  streamOf: ({ tenantId }: { readonly tenantId: string }) => ({
    tenantId,
    aggregate: tenantFold.aggregate,
    id: tenantId,
  }),
  readFacts: noFacts,
  comparesVersion: true,
};

/** @param decide receives the version that the client requires of the changed part; undefined: any version */
const rule = <Input>(
  command: Type<TenantCommand<Input>>,
  decide: (input: Input, tenant: Tenant, requiredVersion?: RequiredVersion) => TenantEvent[],
) =>
  commandHandler({
    ...aggregate,
    command,
    decide: ({ input, requiredVersion }: TenantCommand<Input>, tenant: Tenant) =>
      decide(input, tenant, requiredVersion),
  });

/** @param decide receives the limits of the tenant's plan */
const limitedRule = <Input>(
  command: Type<TenantCommand<Input>>,
  decide: (input: Input, limits: InStreamLimits, tenant: Tenant) => TenantEvent[],
) =>
  commandHandler({
    ...aggregate,
    command,
    decide: ({ input }: TenantCommand<Input>, tenant: Tenant, _, limits) =>
      decide(input, limits.limitsOf(tenant), tenant),
  });

/** The command handlers of the aggregate tenant: each command with the rule that decides on it. */
export const tenantHandlers = [
  commandHandler({
    ...aggregate,
    command: CreateTenant,
    creates: true,
    decide: ({ input }: CreateTenant, tenant: Tenant) => createTenant(input, tenant),
  }),
  rule(RenameTenant, renameTenant),
  rule(CloseTenant, closeTenant),

  limitedRule(InviteMember, inviteMember),
  rule(RevokeInvitation, revokeInvitation),
  limitedRule(JoinTenant, joinTenant),

  rule(ChangeRole, changeRole),
  rule(RemoveMember, removeMember),
  rule(TransferOwnership, transferOwnership),

  limitedRule(CreateTeam, createTeam),
  rule(RenameTeam, renameTeam),
  rule(DeleteTeam, deleteTeam),
  rule(AddTeamMember, addTeamMember),
  rule(RemoveTeamMember, removeTeamMember),

  rule(FollowStripe, ({ facts, seen }, tenant) => followStripe(facts, tenant, seen)),
  rule(AdvanceStanding, advanceStanding),
  rule(ReleaseTerms, releaseTerms),
  rule(AgreeTerms, agreeTerms),
];
