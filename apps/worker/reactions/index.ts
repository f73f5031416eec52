import { projectsProjection } from '#projections/projects/projection';
import { tasksProjection } from '#projections/tasks/projection';
import type { Reaction } from '#reacting/reaction';
import { createProjectsOfDeletedTeams } from './projects-of-deleted-teams';
import type { ReactionDeps } from './reaction-deps';
import { createTasksOfRemovedMembers } from './tasks-of-removed-members';

/** The read models that reactions ask. */
export const QUERIED_READ_MODELS = [projectsProjection.name, tasksProjection.name];

/** Everything that the product does by itself because something happened. */
export const createReactions = (parts: ReactionDeps): readonly Reaction[] => [
  createTasksOfRemovedMembers(parts),
  createProjectsOfDeletedTeams(parts),
];
