import { projectsProjection } from '#projections/projects/projection';
import { tasksProjection } from '#projections/tasks/projection';
import type { Reaction } from '#reacting/reaction';
import { createProjectsOfDeletedTeams } from './projects-of-deleted-teams';
import type { ReactionDeps } from './reaction-deps';
import { createSessionsOfRemovedMembers } from './sessions-of-removed-members';
import { createTasksOfRemovedMembers } from './tasks-of-removed-members';

/** The read models that reactions query. */
export const QUERIED_READ_MODELS = [projectsProjection.name, tasksProjection.name];

/** All reactions: what the product does by itself after an event. */
export const createReactions = (deps: ReactionDeps): readonly Reaction[] => [
  createTasksOfRemovedMembers(deps),
  createProjectsOfDeletedTeams(deps),
  createSessionsOfRemovedMembers(deps),
];
