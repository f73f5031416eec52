import { TenantCommand } from '../command';
import { Refusal } from '../refusal';
import { requirePermission, type TenantAccess } from '../tenant-access';
import type { ProjectDetails, ProjectEvent } from './events';
import type { Project } from './evolve';

/** The facts about the tenant that a rule of a project needs. */
export interface ProjectRuleFacts extends TenantAccess {
  /** Whether the tenant has the team that the command names. */
  readonly teamExists: boolean;
}

type Present = Exclude<Project, { status: 'absent' }>;

const requirePresent = (project: Project): Present => {
  if (project.status === 'absent') throw new Refusal('not-found', 'There is no such project.');
  return project;
};

const requireTeam = (teamId: string | null, { teamExists }: ProjectRuleFacts): void => {
  if (teamId !== null && !teamExists) throw new Refusal('conflict', 'There is no such team in this tenant.');
};

export interface ProjectCreation extends ProjectDetails {
  readonly by: string;
  readonly projectId: string;
}

/** Creates a project. Its stream must not exist yet. */
export class CreateProject extends TenantCommand<ProjectCreation> {}

/**
 * The project may belong to a team of the tenant, or to no team.
 * @throws Refusal not-found, forbidden, workspace-locked; conflict if the team does not exist or the project exists
 * already
 */
export const createProject = (
  { name, description, teamId }: ProjectDetails,
  facts: ProjectRuleFacts,
  project: Project,
): ProjectEvent[] => {
  requirePermission(facts, 'projects.write');
  requireTeam(teamId, facts);
  if (project.status !== 'absent') throw new Refusal('conflict', 'A project with this id already exists.');
  return [{ type: 'ProjectCreated', data: { name, description, teamId } }];
};

/** A field that is left out keeps its value. */
export interface ProjectChange extends Partial<ProjectDetails> {
  readonly by: string;
  readonly projectId: string;
}

/** Changes a project's name, description or team. */
export class ChangeProject extends TenantCommand<ProjectChange> {}

/**
 * A change to the present details adds no event.
 * @throws Refusal not-found, forbidden, workspace-locked; conflict if the project is archived or the team does not
 * exist
 */
export const changeProject = (change: ProjectChange, facts: ProjectRuleFacts, project: Project): ProjectEvent[] => {
  requirePermission(facts, 'projects.write');
  const { status, ...details } = requirePresent(project);
  if (status === 'archived') throw new Refusal('conflict', 'The project is archived. Restore it first.');
  const next = {
    name: change.name ?? details.name,
    description: change.description ?? details.description,
    teamId: change.teamId === undefined ? details.teamId : change.teamId,
  };
  if (next.teamId !== details.teamId) requireTeam(next.teamId, facts);
  return isSameDetails(next, details) ? [] : [{ type: 'ProjectChanged', data: next }];
};

const isSameDetails = (one: ProjectDetails, other: ProjectDetails): boolean =>
  one.name === other.name && one.description === other.description && one.teamId === other.teamId;

interface ProjectRequest {
  /** The user who sends the command. */
  readonly by: string;
  readonly projectId: string;
}

export class ArchiveProject extends TenantCommand<ProjectRequest> {}

/**
 * An archived project can be read and restored; nothing in it can be changed. Archiving it again adds no event.
 * @throws Refusal not-found, forbidden, workspace-locked
 */
export const archiveProject = (access: TenantAccess, project: Project): ProjectEvent[] => {
  requirePermission(access, 'projects.write');
  return requirePresent(project).status === 'archived' ? [] : [{ type: 'ProjectArchived', data: {} }];
};

export class RestoreProject extends TenantCommand<ProjectRequest> {}

/** Restoring a project that is not archived adds no event. @throws Refusal not-found, forbidden, workspace-locked */
export const restoreProject = (access: TenantAccess, project: Project): ProjectEvent[] => {
  requirePermission(access, 'projects.write');
  return requirePresent(project).status === 'active' ? [] : [{ type: 'ProjectRestored', data: {} }];
};

/** Removes a project from a team that was deleted. The system itself sends it, so no permission is checked. */
export class ReleaseProject extends TenantCommand<{ readonly projectId: string; readonly teamId: string }> {}

/**
 * Removes the project from the team, even while it is archived. A project that does not exist, or that belongs to
 * another team or to none by now, does not change.
 */
export const releaseProject = (teamId: string, project: Project): ProjectEvent[] => {
  if (project.status === 'absent' || project.teamId !== teamId) return [];
  const { name, description } = project;
  return [{ type: 'ProjectChanged', data: { name, description, teamId: null } }];
};
