import { Body, Controller, Delete, Get, Patch, Post, Put, Query } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { ApiTags } from '@nestjs/swagger';
import type { RequiredVersion } from '#domain/command';
import { AddTeamMember, CreateTeam, DeleteTeam, RemoveTeamMember, RenameTeam } from '#domain/tenant/decide-teams';
import { type Tenant, teamOf } from '#domain/tenant/evolve';
import { entries } from '#domain/tenant/persistent-map';
import type { CommandResult } from '#event-log/aggregate/aggregate-store';
import { ScopedDb } from '#platform/database/scoped/scoped-db';
import { findTeam, listTeams } from '#projections/teams/queries';
import { type Versioned, withETag } from '../http/contract/etag';
import { type Page, PageQuery, Pages, type Paging } from '../http/contract/pages';
import { Preconditions } from '../http/contract/preconditions';
import { RequirePermission } from '../http/contract/require-permission.decorator';
import { Documented } from '../http/openapi/documented';
import { notFound } from '../http/problems/not-found';
import { commandContextOf, principalOf } from '../http/requests/command-context';
import { Context, type RequestContext } from '../http/requests/request-context';
import { PathId } from '../http/validation/path-id';
import { TeamDto, TeamNameDto, TeamPageDto } from './team.dto';

type Command = CreateTeam | RenameTeam | DeleteTeam | AddTeamMember | RemoveTeamMember;

/** Routes about the teams of the tenant in the access token. */
@ApiTags('Tenant')
@Controller('v1/teams')
export class TeamsController {
  constructor(
    private readonly db: ScopedDb,
    private readonly commands: CommandBus,
  ) {}

  @Post()
  @RequirePermission('teams.write')
  @Documented({
    id: 'createTeam',
    summary: 'Create a team',
    description:
      'A new team has no members. The answer is 409 if another team has the name, and 402 if the plan allows no more teams: delete one or change the plan.',
    response: TeamDto,
    versioned: true,
    problems: ['forbidden', 'conflict', 'plan-limit-reached'],
  })
  create(@Context() context: RequestContext, @Body() { name }: TeamNameDto): Promise<Versioned<TeamDto>> {
    const { tenantId, userId } = principalOf(context);
    // The team has the id of the command: a repeat after a crash finds the team that it has already created.
    const teamId = context.commandId;
    const input = { by: userId, teamId, name };
    return this.executeAndAnswer(context, new CreateTeam(tenantId, input, commandContextOf(context)), teamId);
  }

  @Get()
  @RequirePermission('teams.read')
  @Documented({
    id: 'listTeams',
    summary: 'List teams, newest first',
    description: 'Each entry has the user ids of the members of the team.',
    response: TeamPageDto,
    problems: ['forbidden'],
  })
  list(@Context() context: RequestContext, @Query() query: PageQuery, @Pages() pages: Paging): Promise<Page<TeamDto>> {
    const db = this.db.tenant(principalOf(context).tenantId);
    return pages.page(
      query,
      ({ id }) => [id],
      async (after, take) => {
        const rows = await listTeams(db, after && String(after[0]), take);
        return rows.map((row) => new TeamDto(row));
      },
    );
  }

  @Get(':id')
  @RequirePermission('teams.read')
  @Documented({
    id: 'getTeam',
    summary: 'Show a team',
    description: 'The answer has the user ids of the members of the team.',
    response: TeamDto,
    problems: ['forbidden'],
  })
  async get(
    @Context() context: RequestContext,
    @PathId('id', 'Id of the team.') id: string,
  ): Promise<Versioned<TeamDto>> {
    const team = await findTeam(this.db.tenant(principalOf(context).tenantId), id);
    if (!team) throw notFound('team');
    return withETag(new TeamDto(team), team.version);
  }

  @Patch(':id')
  @RequirePermission('teams.write')
  @Documented({
    id: 'renameTeam',
    summary: 'Rename a team',
    description: 'The answer is 409 if another team has the name: choose another one.',
    response: TeamDto,
    problems: ['forbidden', 'conflict'],
  })
  rename(
    @Context() context: RequestContext,
    @PathId('id', 'Id of the team.') id: string,
    @Body() { name }: TeamNameDto,
    @Preconditions() requiredVersion: RequiredVersion,
  ): Promise<Versioned<TeamDto>> {
    const { tenantId, userId } = principalOf(context);
    const input = { by: userId, teamId: id, name };
    return this.executeAndAnswer(
      context,
      new RenameTeam(tenantId, input, commandContextOf(context), requiredVersion),
      id,
    );
  }

  @Delete(':id')
  @RequirePermission('teams.write')
  @Documented({
    id: 'deleteTeam',
    summary: 'Delete a team',
    description: 'Projects of the team are kept and have no team afterwards.',
    status: 204,
    problems: ['forbidden'],
  })
  async delete(
    @Context() context: RequestContext,
    @PathId('id', 'Id of the team.') id: string,
    @Preconditions() requiredVersion: RequiredVersion,
  ): Promise<void> {
    const { tenantId, userId } = principalOf(context);
    const input = { by: userId, teamId: id };
    await this.execute(context, new DeleteTeam(tenantId, input, commandContextOf(context), requiredVersion));
  }

  @Put(':id/members/:userId')
  @RequirePermission('teams.write')
  @Documented({
    id: 'addTeamMember',
    summary: 'Add a member to a team',
    description:
      'The answer is 204 also if the member is already in the team. It is 409 if the member is in 250 teams, which is the limit: remove the member from another team first.',
    status: 204,
    problems: ['forbidden', 'conflict'],
  })
  async add(
    @Context() context: RequestContext,
    @PathId('id', 'Id of the team.') id: string,
    @PathId('userId', 'User id of the member.') memberId: string,
  ): Promise<void> {
    const { tenantId, userId } = principalOf(context);
    const input = { by: userId, teamId: id, userId: memberId };
    await this.execute(context, new AddTeamMember(tenantId, input, commandContextOf(context)));
  }

  @Delete(':id/members/:userId')
  @RequirePermission('teams.write')
  @Documented({
    id: 'removeTeamMember',
    summary: 'Remove a member from a team',
    description: 'The member stays in the tenant. The answer is 404 if the member is not in the team.',
    status: 204,
    problems: ['forbidden'],
  })
  async remove(
    @Context() context: RequestContext,
    @PathId('id', 'Id of the team.') id: string,
    @PathId('userId', 'User id of the member.') memberId: string,
  ): Promise<void> {
    const { tenantId, userId } = principalOf(context);
    const input = { by: userId, teamId: id, userId: memberId };
    await this.execute(context, new RemoveTeamMember(tenantId, input, commandContextOf(context)));
  }

  private async execute(context: RequestContext, command: Command): Promise<Tenant> {
    const { position, state } = await this.commands.execute<Command, CommandResult<Tenant>>(command);
    context.position = position;
    return state;
  }

  private async executeAndAnswer(context: RequestContext, command: Command, id: string): Promise<Versioned<TeamDto>> {
    const team = teamOf(await this.execute(context, command), id);
    if (!team) throw notFound('team');
    const memberIds = [...entries(team.members)].map(([userId]) => userId).sort();
    return withETag(new TeamDto({ id, name: team.name, memberIds }), team.version);
  }
}
