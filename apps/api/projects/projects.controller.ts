import { Body, Controller, Delete, Get, Patch, Post, Query } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { ApiTags } from '@nestjs/swagger';
import type { RequiredVersion } from '#domain/command';
import { ArchiveProject, ChangeProject, CreateProject, RestoreProject } from '#domain/project/decide';
import type { Project } from '#domain/project/evolve';
import type { CommandResult } from '#event-log/aggregate/aggregate-store';
import { ScopedDb } from '#platform/database/scoped/scoped-db';
import { findProject, listProjects } from '#projections/projects/queries';
import { type Versioned, withETag } from '../http/contract/etag';
import { type Page, Pages, type Paging } from '../http/contract/pages';
import { Preconditions } from '../http/contract/preconditions';
import { RequirePermission } from '../http/contract/require-permission.decorator';
import { Documented } from '../http/openapi/documented';
import { notFound } from '../http/problems/not-found';
import { commandContextOf, principalOf } from '../http/requests/command-context';
import { Context, type RequestContext } from '../http/requests/request-context';
import { PathId } from '../http/validation/path-id';
import { ChangeProjectDto, CreateProjectDto, ProjectDto, ProjectPageDto, ProjectsQuery } from './project.dto';

type Command = CreateProject | ChangeProject | ArchiveProject | RestoreProject;

/** Routes about the projects of the tenant in the access token. */
@ApiTags('Tenant')
@Controller('v1/projects')
export class ProjectsController {
  constructor(
    private readonly db: ScopedDb,
    private readonly commands: CommandBus,
  ) {}

  @Post()
  @RequirePermission('projects.write')
  @Documented({
    id: 'createProject',
    summary: 'Create a project',
    description:
      'The answer is 409 if the team does not exist in this tenant, and 402 if the plan allows no more projects: archive one or change the plan.',
    response: ProjectDto,
    versioned: true,
    problems: ['forbidden', 'conflict', 'plan-limit-reached'],
  })
  create(
    @Context() context: RequestContext,
    @Body() { name, description = '', teamId = null }: CreateProjectDto,
  ): Promise<Versioned<ProjectDto>> {
    const { tenantId, userId } = principalOf(context);
    // The project has the id of the command: a repeat after a crash finds the project that it has already created.
    const input = { by: userId, projectId: context.commandId, name, description, teamId };
    return this.executeFor(context, new CreateProject(tenantId, input, commandContextOf(context)), context.commandId);
  }

  @Get()
  @RequirePermission('projects.read')
  @Documented({
    id: 'listProjects',
    summary: 'List projects, newest first',
    description: 'By default, the list has no archived projects. The parameter `archived` changes that.',
    response: ProjectPageDto,
    problems: ['forbidden'],
  })
  list(
    @Context() context: RequestContext,
    @Query() query: ProjectsQuery,
    @Pages() pages: Paging,
  ): Promise<Page<ProjectDto>> {
    const db = this.db.tenant(principalOf(context).tenantId);
    const archived = query.archived === 'all' ? undefined : query.archived === 'true';
    return pages.page(
      query,
      ({ id }) => [id],
      async (after, take) => {
        const rows = await listProjects(db, archived, after && String(after[0]), take);
        return rows.map((row) => new ProjectDto(row));
      },
    );
  }

  @Get(':id')
  @RequirePermission('projects.read')
  @Documented({
    id: 'getProject',
    summary: 'Show a project',
    description: 'An archived project can be read, too.',
    response: ProjectDto,
    problems: ['forbidden'],
  })
  async get(
    @Context() context: RequestContext,
    @PathId('id', 'Id of the project.') id: string,
  ): Promise<Versioned<ProjectDto>> {
    const project = await findProject(this.db.tenant(principalOf(context).tenantId), id);
    if (!project) throw notFound('project');
    return withETag(new ProjectDto(project), project.version);
  }

  @Patch(':id')
  @RequirePermission('projects.write')
  @Documented({
    id: 'updateProject',
    summary: 'Change a project',
    description:
      'Fields that are not sent stay as they are. The answer is 409 if the project is archived (restore it first) or the team does not exist.',
    response: ProjectDto,
    problems: ['forbidden', 'conflict'],
  })
  change(
    @Context() context: RequestContext,
    @PathId('id', 'Id of the project.') id: string,
    @Body() change: ChangeProjectDto,
    @Preconditions() requiredVersion: RequiredVersion,
  ): Promise<Versioned<ProjectDto>> {
    const { tenantId, userId } = principalOf(context);
    const input = { by: userId, projectId: id, ...change };
    return this.executeFor(context, new ChangeProject(tenantId, input, commandContextOf(context), requiredVersion), id);
  }

  @Delete(':id')
  @RequirePermission('projects.write')
  @Documented({
    id: 'archiveProject',
    summary: 'Archive a project',
    description:
      'The project and its tasks can still be read, but they cannot be changed until the project is restored. The answer is the same if the project is already archived.',
    response: ProjectDto,
    problems: ['forbidden', 'conflict'],
  })
  archive(
    @Context() context: RequestContext,
    @PathId('id', 'Id of the project.') id: string,
    @Preconditions() requiredVersion: RequiredVersion,
  ): Promise<Versioned<ProjectDto>> {
    const { tenantId, userId } = principalOf(context);
    const input = { by: userId, projectId: id };
    return this.executeFor(
      context,
      new ArchiveProject(tenantId, input, commandContextOf(context), requiredVersion),
      id,
    );
  }

  @Post(':id/restore')
  @RequirePermission('projects.write')
  @Documented({
    id: 'restoreProject',
    summary: 'Restore an archived project',
    description:
      'The project and its tasks can be changed again. The answer is 402 if the plan allows no more projects: archive another one or change the plan.',
    response: ProjectDto,
    status: 200,
    problems: ['forbidden', 'conflict', 'plan-limit-reached'],
  })
  restore(
    @Context() context: RequestContext,
    @PathId('id', 'Id of the project.') id: string,
    @Preconditions() requiredVersion: RequiredVersion,
  ): Promise<Versioned<ProjectDto>> {
    const { tenantId, userId } = principalOf(context);
    const input = { by: userId, projectId: id };
    return this.executeFor(
      context,
      new RestoreProject(tenantId, input, commandContextOf(context), requiredVersion),
      id,
    );
  }

  private async executeFor(context: RequestContext, command: Command, id: string): Promise<Versioned<ProjectDto>> {
    const { position, version, state } = await this.commands.execute<Command, CommandResult<Project>>(command);
    if (state.status === 'absent') throw notFound('project');
    context.position = position;
    const { status, ...details } = state;
    return withETag(new ProjectDto({ id, ...details, archived: status === 'archived' }), version);
  }
}
