import { TenantCommand } from '../command';
import type { ProjectChange, ProjectCreation } from './decide';

interface ProjectRequest {
  /** The user who asks. */
  readonly by: string;
  readonly projectId: string;
}

/** Creates a project; its stream must not exist yet. */
export class CreateProject extends TenantCommand<ProjectCreation> {}
/** Changes a project's name, description or team. */
export class ChangeProject extends TenantCommand<ProjectChange> {}
export class ArchiveProject extends TenantCommand<ProjectRequest> {}
export class RestoreProject extends TenantCommand<ProjectRequest> {}
/** Removes a project from a team that was deleted. Sent by the system itself: no permission is checked. */
export class ReleaseProject extends TenantCommand<{ readonly projectId: string; readonly teamId: string }> {}
