import { type RequiredVersion, TenantCommand } from '../command';
import type { InStreamLimits } from '../limits';
import { Refusal } from '../refusal';
import type { TenantEvent } from './events';
import type { OpenTenant, Team, Tenant } from './evolve';
import { entries, get } from './persistent-map';
import { notFound, requireOpen, requirePermission, requireRoom, requireVersion } from './requirements';

const openTenantFor = (tenant: Tenant, by: string): OpenTenant => {
  const open = requireOpen(tenant);
  requirePermission(open, by, 'teams.write');
  return open;
};

const requireTeam = ({ teams }: OpenTenant, teamId: string): Team => {
  const team = get(teams, teamId);
  if (!team) throw notFound('team');
  return team;
};

/** Characters that are not visible, such as a zero-width space or a soft hyphen. */
const INVISIBLE = /[\p{Default_Ignorable_Code_Point}\p{Cf}]/gu;

/**
 * Two names have the same normal form if they differ only in capitals, in white space, in invisible characters or in
 * compatible forms of a letter, such as full-width letters (NFKC).
 */
const normalForm = (name: string): string =>
  name.normalize('NFKC').replace(INVISIBLE, '').trim().replace(/\s+/g, ' ').toLowerCase();

const isSameName = (one: string, other: string): boolean => normalForm(one) === normalForm(other);

const requireFreeName = ({ teams }: OpenTenant, teamId: string, name: string): void => {
  for (const [id, team] of entries(teams))
    if (id !== teamId && isSameName(team.name, name))
      throw new Refusal('conflict', 'Another team has this name. Choose another name.');
};

export interface NameTeamInput {
  readonly by: string;
  readonly teamId: string;
  /** 1..200 characters. No other team may have the same name, regardless of capitals and white space. */
  readonly name: string;
}

export class CreateTeam extends TenantCommand<NameTeamInput> {}

/**
 * @throws Refusal not-found, forbidden, workspace-locked, plan-limit-reached; conflict if another team has the name or
 * the id
 */
export const createTeam = (
  { by, teamId, name }: NameTeamInput,
  limits: InStreamLimits,
  tenant: Tenant,
): TenantEvent[] => {
  const open = openTenantFor(tenant, by);
  if (get(open.teams, teamId)) throw new Refusal('conflict', 'A team with this id already exists.');
  requireFreeName(open, teamId, name);
  requireRoom('teams', open.teams.size, limits);
  return [{ type: 'TeamCreated', data: { teamId, name } }];
};

export class RenameTeam extends TenantCommand<NameTeamInput> {}

/**
 * The present name adds no event.
 * @throws Refusal not-found, forbidden, workspace-locked, precondition-failed; conflict if another team has the name
 */
export const renameTeam = (
  { by, teamId, name }: NameTeamInput,
  tenant: Tenant,
  requiredVersion?: RequiredVersion,
): TenantEvent[] => {
  const open = openTenantFor(tenant, by);
  const team = requireTeam(open, teamId);
  requireVersion(team.version, requiredVersion);
  requireFreeName(open, teamId, name);
  return team.name === name ? [] : [{ type: 'TeamRenamed', data: { teamId, name } }];
};

export interface ChangeTeamInput {
  readonly by: string;
  readonly teamId: string;
}

export class DeleteTeam extends TenantCommand<ChangeTeamInput> {}

/** @throws Refusal not-found, forbidden, workspace-locked, precondition-failed */
export const deleteTeam = (
  { by, teamId }: ChangeTeamInput,
  tenant: Tenant,
  requiredVersion?: RequiredVersion,
): TenantEvent[] => {
  const open = openTenantFor(tenant, by);
  requireVersion(requireTeam(open, teamId).version, requiredVersion);
  return [{ type: 'TeamDeleted', data: { teamId } }];
};

export interface TeamMemberInput extends ChangeTeamInput {
  readonly userId: string;
}

/**
 * The most teams that one member can be in. A member who leaves the tenant is removed from all teams in the same
 * append, and the number of events in one append is limited.
 */
export const MAX_TEAMS_PER_MEMBER = 250;

const requireFewTeams = ({ teams }: OpenTenant, userId: string): void => {
  let count = 0;
  for (const [, { members }] of entries(teams)) if (get(members, userId)) count += 1;
  if (count >= MAX_TEAMS_PER_MEMBER)
    throw new Refusal('conflict', `A member can be in at most ${MAX_TEAMS_PER_MEMBER} teams.`);
};

export class AddTeamMember extends TenantCommand<TeamMemberInput> {}

/**
 * A member of the team adds no event.
 * @throws Refusal not-found, forbidden, workspace-locked; conflict if the member is in {@link MAX_TEAMS_PER_MEMBER}
 * teams
 */
export const addTeamMember = ({ by, teamId, userId }: TeamMemberInput, tenant: Tenant): TenantEvent[] => {
  const open = openTenantFor(tenant, by);
  const team = requireTeam(open, teamId);
  if (!get(open.members, userId)) throw notFound('member');
  if (get(team.members, userId)) return [];
  requireFewTeams(open, userId);
  return [{ type: 'TeamMemberAdded', data: { teamId, userId } }];
};

export class RemoveTeamMember extends TenantCommand<TeamMemberInput> {}

/** @throws Refusal forbidden, workspace-locked; not-found if there is no such team or member of the team */
export const removeTeamMember = ({ by, teamId, userId }: TeamMemberInput, tenant: Tenant): TenantEvent[] => {
  const open = openTenantFor(tenant, by);
  if (!get(requireTeam(open, teamId).members, userId)) throw notFound('member of the team');
  return [{ type: 'TeamMemberRemoved', data: { teamId, userId } }];
};
