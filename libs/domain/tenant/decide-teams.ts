import { TenantCommand } from '../command';
import type { InStreamLimits } from '../limits';
import { Refusal } from '../refusal';
import type { TenantEvent } from './events';
import type { OpenTenant, Team, Tenant } from './evolve';
import { entries, get } from './persistent-map';
import { notFound, requireOpen, requirePermission, requireRoom, requireVersion } from './requirements';

const openFor = (tenant: Tenant, by: string): OpenTenant => {
  const open = requireOpen(tenant);
  requirePermission(open, by, 'teams.write');
  return open;
};

const requireTeam = ({ teams }: OpenTenant, teamId: string): Team => {
  const team = get(teams, teamId);
  if (!team) throw notFound('team');
  return team;
};

/** What a name looks like: neither capitals nor white space around it nor how its letters are composed tell two apart. */
const looksOf = (name: string): string => name.normalize('NFC').trim().replace(/\s+/g, ' ').toLowerCase();

const sameName = (one: string, other: string): boolean => looksOf(one) === looksOf(other);

const requireFreeName = ({ teams }: OpenTenant, teamId: string, name: string): void => {
  for (const [id, team] of entries(teams))
    if (id !== teamId && sameName(team.name, name))
      throw new Refusal('conflict', 'Another team has this name. Choose another name.');
};

export interface NameTeamInput {
  readonly by: string;
  readonly teamId: string;
  /** 1..200 characters; no other team's, however it is capitalised or spaced. */
  readonly name: string;
}

export class CreateTeam extends TenantCommand<NameTeamInput> {}

export const createTeam = (
  { by, teamId, name }: NameTeamInput,
  limits: InStreamLimits,
  tenant: Tenant,
): TenantEvent[] => {
  const open = openFor(tenant, by);
  if (get(open.teams, teamId)) throw new Refusal('conflict', 'A team with this id already exists.');
  requireFreeName(open, teamId, name);
  requireRoom('teams', open.teams.size, limits);
  return [{ type: 'TeamCreated', data: { teamId, name } }];
};

export class RenameTeam extends TenantCommand<NameTeamInput> {}

/** A name that it has already is no event. */
export const renameTeam = ({ by, teamId, name }: NameTeamInput, tenant: Tenant, seen?: number): TenantEvent[] => {
  const open = openFor(tenant, by);
  const team = requireTeam(open, teamId);
  requireVersion(team.version, seen);
  requireFreeName(open, teamId, name);
  return team.name === name ? [] : [{ type: 'TeamRenamed', data: { teamId, name } }];
};

export interface ChangeTeamInput {
  readonly by: string;
  readonly teamId: string;
}

export class DeleteTeam extends TenantCommand<ChangeTeamInput> {}

export const deleteTeam = ({ by, teamId }: ChangeTeamInput, tenant: Tenant, seen?: number): TenantEvent[] => {
  const open = openFor(tenant, by);
  requireVersion(requireTeam(open, teamId).version, seen);
  return [{ type: 'TeamDeleted', data: { teamId } }];
};

export interface TeamMemberInput extends ChangeTeamInput {
  readonly userId: string;
}

/** Anyone who leaves the tenant leaves their teams in the same append, and that has a bound. */
export const MAX_TEAMS_OF_ONE = 250;

const requireFewTeams = ({ teams }: OpenTenant, userId: string): void => {
  let count = 0;
  for (const [, { members }] of entries(teams)) if (get(members, userId)) count += 1;
  if (count >= MAX_TEAMS_OF_ONE) throw new Refusal('conflict', `A member can be in at most ${MAX_TEAMS_OF_ONE} teams.`);
};

export class AddTeamMember extends TenantCommand<TeamMemberInput> {}

/**
 * Only who belongs to the tenant belongs to its teams, and to {@link MAX_TEAMS_OF_ONE} of them at most. Anyone who is in it
 * already stays, without an event.
 */
export const addTeamMember = ({ by, teamId, userId }: TeamMemberInput, tenant: Tenant): TenantEvent[] => {
  const open = openFor(tenant, by);
  const team = requireTeam(open, teamId);
  if (!get(open.members, userId)) throw notFound('member');
  if (get(team.members, userId)) return [];
  requireFewTeams(open, userId);
  return [{ type: 'TeamMemberAdded', data: { teamId, userId } }];
};

export class RemoveTeamMember extends TenantCommand<TeamMemberInput> {}

/** Anyone who is not in it is not found. */
export const removeTeamMember = ({ by, teamId, userId }: TeamMemberInput, tenant: Tenant): TenantEvent[] => {
  const open = openFor(tenant, by);
  if (!get(requireTeam(open, teamId).members, userId)) throw notFound('member of the team');
  return [{ type: 'TeamMemberRemoved', data: { teamId, userId } }];
};
