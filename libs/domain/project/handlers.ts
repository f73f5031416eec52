import { Inject } from '@nestjs/common';
import { CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { AggregateStore, type Executed } from '../../event-log/aggregate-store';
import { LIMIT_GUARD, type LimitGuard } from '../../plans/limit-guard.port';
import { using } from '../../plans/reserving';
import { standpointOf, type Tenant, teamOf, tenantFold } from '../tenant/evolve';
import { ArchiveProject, ChangeProject, CreateProject, ReleaseProject, RestoreProject } from './commands';
import {
  archiveProject,
  changeProject,
  createProject,
  type ProjectSurroundings,
  releaseProject,
  restoreProject,
} from './decide';
import { type Project, projectFold } from './evolve';

type Done = Executed<Project>;

const projectStream = (tenantId: string, id: string) => ({ tenantId, aggregate: projectFold.aggregate, id });

const tenantOf = async (store: AggregateStore, tenantId: string): Promise<Tenant> => {
  const { state } = await store.loadWhole(tenantFold, { tenantId, aggregate: tenantFold.aggregate, id: tenantId });
  return state;
};

interface Surroundings extends ProjectSurroundings {
  /** What a plan's limits are asked with. */
  readonly tenant: Tenant;
}

const surroundingsOf = async (
  store: AggregateStore,
  tenantId: string,
  { by, teamId }: { readonly by: string; readonly teamId?: string | null },
): Promise<Surroundings> => {
  const tenant = await tenantOf(store, tenantId);
  const teamExists = typeof teamId === 'string' && teamOf(tenant, teamId) !== undefined;
  return { ...standpointOf(tenant, by), teamExists, tenant };
};

@CommandHandler(CreateProject)
class CreateProjectHandler implements ICommandHandler<CreateProject, Done> {
  constructor(
    private readonly store: AggregateStore,
    @Inject(LIMIT_GUARD) private readonly limits: LimitGuard,
  ) {}

  async execute({ tenantId, creation, context }: CreateProject): Promise<Done> {
    const surroundings = await surroundingsOf(this.store, tenantId, creation);
    const decide = (project: Project) => createProject(creation, surroundings, project);
    // A rule's no comes before the plan's. A repeat is asked of the log: the rule may have another answer by now.
    if (!context.mayRepeat) decide(projectFold.initial);
    const { projectId } = creation;
    const claim = { tenantId, tenant: surroundings.tenant, commandId: context.commandId };
    const reservation = await this.limits.reserve(claim, { resource: 'projects', projectId });
    const stream = projectStream(tenantId, projectId);
    return using(reservation, () =>
      context.mayRepeat
        ? this.store.execute(projectFold, stream, context, decide)
        : this.store.create(projectFold, stream, context, decide),
    );
  }
}

@CommandHandler(ChangeProject)
class ChangeProjectHandler implements ICommandHandler<ChangeProject, Done> {
  constructor(
    private readonly store: AggregateStore,
    @Inject(LIMIT_GUARD) private readonly limits: LimitGuard,
  ) {}

  async execute({ tenantId, change, context, expectedVersion }: ChangeProject): Promise<Done> {
    const surroundings = await surroundingsOf(this.store, tenantId, change);
    const decide = (project: Project) => changeProject(change, surroundings, project);
    const stream = projectStream(tenantId, change.projectId);
    await this.limits.requireWritable(tenantId, surroundings.tenant, change.projectId);
    return this.store.execute(projectFold, stream, context, decide, expectedVersion);
  }
}

@CommandHandler(ArchiveProject)
class ArchiveProjectHandler implements ICommandHandler<ArchiveProject, Done> {
  constructor(private readonly store: AggregateStore) {}

  async execute({ tenantId, request, context, expectedVersion }: ArchiveProject): Promise<Done> {
    const surroundings = await surroundingsOf(this.store, tenantId, request);
    const decide = (project: Project) => archiveProject(surroundings, project);
    const stream = projectStream(tenantId, request.projectId);
    return this.store.execute(projectFold, stream, context, decide, expectedVersion);
  }
}

@CommandHandler(RestoreProject)
class RestoreProjectHandler implements ICommandHandler<RestoreProject, Done> {
  constructor(
    private readonly store: AggregateStore,
    @Inject(LIMIT_GUARD) private readonly limits: LimitGuard,
  ) {}

  /** An archived project takes no place in the plan; a restored one does. */
  async execute({ tenantId, request, context, expectedVersion }: RestoreProject): Promise<Done> {
    const stream = projectStream(tenantId, request.projectId);
    const [surroundings, { state }] = await Promise.all([
      surroundingsOf(this.store, tenantId, request),
      this.store.loadWhole(projectFold, stream),
    ]);
    const decide = (project: Project) => restoreProject(surroundings, project);
    const restore = () => this.store.execute(projectFold, stream, context, decide, expectedVersion);
    const needsPlace = context.mayRepeat || decide(state).length > 0;
    if (!needsPlace) return restore();
    const claim = { tenantId, tenant: surroundings.tenant, commandId: context.commandId };
    const { projectId } = request;
    return using(await this.limits.reserve(claim, { resource: 'projects', projectId }), restore);
  }
}

@CommandHandler(ReleaseProject)
export class ReleaseProjectHandler implements ICommandHandler<ReleaseProject, Done> {
  constructor(private readonly store: AggregateStore) {}

  execute({ tenantId, release: { projectId, teamId }, context }: ReleaseProject): Promise<Done> {
    const decide = (project: Project) => releaseProject(teamId, project);
    return this.store.execute(projectFold, projectStream(tenantId, projectId), context, decide);
  }
}

export const projectHandlers = [
  CreateProjectHandler,
  ChangeProjectHandler,
  ArchiveProjectHandler,
  RestoreProjectHandler,
];
