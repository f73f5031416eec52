import { TenantCommand } from '../command';
import { Refusal } from '../refusal';
import { requirePermission, type TenantAccess } from '../tenant-access';
import type { ProjectDetails, ProjectEvent } from './events';
import type { Project } from './evolve';

/** What a rule about a project has to know of the tenant. */
export interface ProjectRuleFacts extends TenantAccess {
  /** Whether the team that is asked for is one of the tenant's. */
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

/** Creates a project; its stream must not exist yet. */
export class CreateProject extends TenantCommand<ProjectCreation> {}

/** Members make projects, of a team of the tenant or of none. */
export const createProject = (
  { name, description, teamId }: ProjectDetails,
  surroundings: ProjectRuleFacts,
  project: Project,
): ProjectEvent[] => {
  requirePermission(surroundings, 'projects.write');
  requireTeam(teamId, surroundings);
  if (project.status !== 'absent') throw new Refusal('conflict', 'A project with this id already exists.');
  return [{ type: 'ProjectCreated', data: { name, description, teamId } }];
};

/** What is left out stays as it is. */
export interface ProjectChange extends Partial<ProjectDetails> {
  readonly by: string;
  readonly projectId: string;
}

/** Changes a project's name, description or team. */
export class ChangeProject extends TenantCommand<ProjectChange> {}

/** Members change a project, unless it is archived; details that it has already are no event. */
export const changeProject = (
  change: ProjectChange,
  surroundings: ProjectRuleFacts,
  project: Project,
): ProjectEvent[] => {
  requirePermission(surroundings, 'projects.write');
  const { status, ...details } = requirePresent(project);
  if (status === 'archived') throw new Refusal('conflict', 'The project is archived. Restore it first.');
  const next = {
    name: change.name ?? details.name,
    description: change.description ?? details.description,
    teamId: change.teamId === undefined ? details.teamId : change.teamId,
  };
  if (next.teamId !== details.teamId) requireTeam(next.teamId, surroundings);
  return isSame(next, details) ? [] : [{ type: 'ProjectChanged', data: next }];
};

const isSame = (one: ProjectDetails, other: ProjectDetails): boolean =>
  one.name === other.name && one.description === other.description && one.teamId === other.teamId;

interface ProjectRequest {
  /** The user who asks. */
  readonly by: string;
  readonly projectId: string;
}

export class ArchiveProject extends TenantCommand<ProjectRequest> {}

/** Members put a project away: it can be read and restored, and nothing in it changes. */
export const archiveProject = (standpoint: TenantAccess, project: Project): ProjectEvent[] => {
  requirePermission(standpoint, 'projects.write');
  return requirePresent(project).status === 'archived' ? [] : [{ type: 'ProjectArchived', data: {} }];
};

export class RestoreProject extends TenantCommand<ProjectRequest> {}

/** Members take up an archived project again. */
export const restoreProject = (standpoint: TenantAccess, project: Project): ProjectEvent[] => {
  requirePermission(standpoint, 'projects.write');
  return requirePresent(project).status === 'active' ? [] : [{ type: 'ProjectRestored', data: {} }];
};

/** Removes a project from a team that was deleted. Sent by the system itself: no permission is checked. */
export class ReleaseProject extends TenantCommand<{ readonly projectId: string; readonly teamId: string }> {}

/**
 * A project of a team that is no more becomes nobody's in particular, archived or not. What is not so any more when it is
 * asked for is left alone.
 */
export const releaseProject = (teamId: string, project: Project): ProjectEvent[] => {
  if (project.status === 'absent' || project.teamId !== teamId) return [];
  const { name, description } = project;
  return [{ type: 'ProjectChanged', data: { name, description, teamId: null } }];
};
