import type { CommandContext } from '../command';
import type { ProjectChange, ProjectCreation } from './decide';

/** Makes a project; its stream must not exist yet. */
export class CreateProject {
  constructor(
    readonly tenantId: string,
    readonly creation: ProjectCreation,
    readonly context: CommandContext,
  ) {}
}

/** Changes what a project is called, what it says of itself, whose it is. */
export class ChangeProject {
  constructor(
    readonly tenantId: string,
    readonly change: ProjectChange,
    readonly context: CommandContext,
    /** The version that the client saw, where it insists on it. */
    readonly expectedVersion?: number,
  ) {}
}

/** Who asks for what to be done with which project. */
export interface ProjectRequest {
  readonly by: string;
  readonly projectId: string;
}

/** Puts a project away. */
export class ArchiveProject {
  constructor(
    readonly tenantId: string,
    readonly request: ProjectRequest,
    readonly context: CommandContext,
    /** The version that the client saw, where it insists on it. */
    readonly expectedVersion?: number,
  ) {}
}

/** Takes up an archived project again. */
export class RestoreProject {
  constructor(
    readonly tenantId: string,
    readonly request: ProjectRequest,
    readonly context: CommandContext,
    /** The version that the client saw, where it insists on it. */
    readonly expectedVersion?: number,
  ) {}
}

/** Takes a project from a team that is no more. Of the system itself: nobody's permission is asked for. */
export class ReleaseProject {
  constructor(
    readonly tenantId: string,
    readonly release: { readonly projectId: string; readonly teamId: string },
    readonly context: CommandContext,
  ) {}
}
