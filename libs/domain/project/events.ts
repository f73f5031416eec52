import { eventTypes } from '../event-types';

/** What can happen to a project. Names and fields are a storage contract: never renamed, only upcast on read. */
export type ProjectEvent = ProjectLifecycleEvent | ProjectChanged;

export type ProjectLifecycleEvent = ProjectCreated | ProjectArchived | ProjectRestored;

export type ProjectDetails = {
  readonly name: string;
  readonly description: string;
  /** The team whose it is; null: nobody's in particular. */
  readonly teamId: string | null;
};

export type ProjectCreated = { readonly type: 'ProjectCreated'; readonly data: ProjectDetails };

/** All details as they are from now on. */
export type ProjectChanged = { readonly type: 'ProjectChanged'; readonly data: ProjectDetails };

export type ProjectArchived = { readonly type: 'ProjectArchived'; readonly data: Record<string, never> };

export type ProjectRestored = { readonly type: 'ProjectRestored'; readonly data: Record<string, never> };

export const PROJECT_EVENTS = eventTypes<ProjectEvent>({
  ProjectCreated: true,
  ProjectChanged: true,
  ProjectArchived: true,
  ProjectRestored: true,
});
