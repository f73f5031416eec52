import { eventTypes } from '../event-types';

/** The events of a project. Names and fields are a storage contract: they are never renamed, only upcast on read. */
export type ProjectEvent = ProjectLifecycleEvent | ProjectChanged;

export type ProjectLifecycleEvent = ProjectCreated | ProjectArchived | ProjectRestored;

export type ProjectDetails = {
  readonly name: string;
  readonly description: string;
  /** The team that the project belongs to; null: it belongs to no team. */
  readonly teamId: string | null;
};

export type ProjectCreated = { readonly type: 'ProjectCreated'; readonly data: ProjectDetails };

/** Holds all details as they are after the change. */
export type ProjectChanged = { readonly type: 'ProjectChanged'; readonly data: ProjectDetails };

export type ProjectArchived = { readonly type: 'ProjectArchived'; readonly data: Record<string, never> };

export type ProjectRestored = { readonly type: 'ProjectRestored'; readonly data: Record<string, never> };

export const PROJECT_EVENTS = eventTypes<ProjectEvent>({
  ProjectCreated: true,
  ProjectChanged: true,
  ProjectArchived: true,
  ProjectRestored: true,
});
