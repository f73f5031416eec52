import type { DomainEvent } from '#domain/events';
import { ReleaseProject } from '#domain/project/decide';
import type { ProjectChanged, ProjectCreated } from '#domain/project/events';
import { teamOf } from '#domain/tenant/evolve';
import type { Recorded } from '#projecting/projection';
import { projectsProjection } from '#projections/projects/projection';
import { projectsOfTeam } from '#projections/projects/queries';
import { answerTo } from '#reacting/answer';
import { defineReaction, type Reaction } from '#reacting/reaction';
import { requireReadModelPosition } from '#reacting/read-model';
import { createTenantStates } from '../../bootstrap/sagas/tenant-states';
import { forEachOf, type ReactionDeps, tenantIdOf } from './reaction-deps';

/**
 * The projects of a deleted team lose their team. A project that gets the team while the team is being deleted may have
 * no row in the read model yet when the projects of the team are queried. So each event that gives a project a team is
 * handled, too.
 */
export const createProjectsOfDeletedTeams = ({ store, bus, pool, waiter }: ReactionDeps): Reaction => {
  const tenantOf = createTenantStates(store);

  const releaseIfTeamIsMissing = async (event: Recorded<ProjectCreated | ProjectChanged>): Promise<void> => {
    const { teamId } = event.data;
    if (teamId === null) return;
    const tenantId = tenantIdOf(event);
    const tenant = await tenantOf(tenantId);
    // Nothing changes in a tenant that is closed or erased.
    if (tenant.status !== 'open' || teamOf(tenant, teamId)) return;
    const projectId = event.stream.id;
    await bus.execute(new ReleaseProject(tenantId, { projectId, teamId }, answerTo(event, projectId)));
  };

  return defineReaction<DomainEvent>('projects-of-deleted-teams', {
    TeamDeleted: async (event, signal) => {
      const tenantId = tenantIdOf(event);
      const { teamId } = event.data;
      await requireReadModelPosition({ projection: projectsProjection.name, pool, waiter }, tenantId, event.position);
      const owned = await projectsOfTeam(pool, tenantId, teamId);
      await forEachOf(owned, signal, (projectId) =>
        bus.execute(new ReleaseProject(tenantId, { projectId, teamId }, answerTo(event, projectId))),
      );
    },
    ProjectCreated: releaseIfTeamIsMissing,
    ProjectChanged: releaseIfTeamIsMissing,
  });
};
