import { Body, Controller, Delete, Get, Patch, Query } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { ApiTags } from '@nestjs/swagger';
import type { RequiredVersion } from '#domain/command';
import { ChangeRole, RemoveMember } from '#domain/tenant/decide-members';
import { memberOf, type Tenant } from '#domain/tenant/evolve';
import type { CommandResult } from '#event-log/aggregate/aggregate-store';
import type { Position } from '#event-log/port';
import { ScopedDb } from '#platform/database/scoped/scoped-db';
import { Problem } from '#platform/problems';
import { findMember, listMembers, type MemberRow } from '#projections/members/queries';
import { ApiContext } from '../core/api-context';
import { type Versioned, withETag } from '../http/contract/etag';
import { type Page, PageQuery, Pages, type Paging } from '../http/contract/pages';
import { Preconditions } from '../http/contract/preconditions';
import { RequirePermission } from '../http/contract/require-permission.decorator';
import { Documented } from '../http/openapi/documented';
import { notFound } from '../http/problems/not-found';
import { commandContextOf, principalOf } from '../http/requests/command-context';
import { Context, type RequestContext } from '../http/requests/request-context';
import { PathId } from '../http/validation/path-id';
import { ChangeRoleDto, MemberDto, MemberPageDto } from './member.dto';

/**
 * Name and address change without an event of the tenant, so they are not part of the version. `If-None-Match` compares
 * them, and `If-Match` does not.
 */
const memberWithETag = (member: MemberRow): Versioned<MemberDto> =>
  withETag(new MemberDto(member), member.version, `${member.name}\n${member.email}`);

/** Routes about the members of the tenant in the access token, and their roles. */
@ApiTags('Tenant')
@Controller('v1/members')
export class MembersController {
  constructor(
    private readonly db: ScopedDb,
    private readonly commands: CommandBus,
    private readonly deps: ApiContext,
  ) {}

  @Get()
  @RequirePermission('members.read')
  @Documented({
    id: 'listMembers',
    summary: 'List members, newest first',
    description: 'The list has the users who belong to the tenant now, with their roles.',
    response: MemberPageDto,
    problems: ['forbidden'],
  })
  async list(
    @Context() context: RequestContext,
    @Query() query: PageQuery,
    @Pages() pages: Paging,
  ): Promise<Page<MemberDto>> {
    const db = this.db.tenant(principalOf(context).tenantId);
    const { data, nextCursor } = await pages.page<MemberRow>(
      query,
      ({ joinedPosition }) => [joinedPosition],
      (after, take) => listMembers(db, after && String(after[0]), take),
    );
    return { data: data.map((row) => new MemberDto(row)), nextCursor };
  }

  @Get(':userId')
  @RequirePermission('members.read')
  @Documented({
    id: 'getMember',
    summary: 'Show a member',
    description: 'The answer is 404 if the user is not a member of this tenant.',
    response: MemberDto,
    problems: ['forbidden'],
  })
  async get(
    @Context() context: RequestContext,
    @PathId('userId', 'User id of the member.') memberId: string,
  ): Promise<Versioned<MemberDto>> {
    const member = await findMember(this.db.tenant(principalOf(context).tenantId), memberId);
    if (!member) throw notFound('member');
    return memberWithETag(member);
  }

  @Patch(':userId')
  @RequirePermission('members.change-role')
  @Documented({
    id: 'changeMemberRole',
    summary: 'Change a member’s role',
    description:
      'Only owners may grant the roles `owner` and `admin`, or take the role `owner` from a member. The role of the last owner cannot be changed (409). The new role applies on every server within one second. Open invitations of the member that the new role may not create are revoked.',
    response: MemberDto,
    problems: ['forbidden', 'conflict'],
  })
  async change(
    @Context() context: RequestContext,
    @PathId('userId', 'User id of the member.') memberId: string,
    @Body() { role }: ChangeRoleDto,
    @Preconditions() requiredVersion: RequiredVersion,
  ): Promise<Versioned<MemberDto>> {
    const { tenantId, userId } = principalOf(context);
    const input = { by: userId, userId: memberId, role, at: new Date().toISOString() };
    const command = new ChangeRole(tenantId, input, commandContextOf(context), requiredVersion);
    const { position, state } = await this.commands.execute<ChangeRole, CommandResult<Tenant>>(command);
    const changed = memberOf(state, memberId);
    if (!changed) throw notFound('member');
    const member = await this.findJoined(tenantId, memberId, position);
    // The role has changed nevertheless: a repeat with the same key gets 200.
    if (!member) throw new Problem('read-model-behind', { retryAfter: 1 });
    context.position = position;
    return memberWithETag({ ...member, role: changed.role, version: changed.version });
  }

  /** The row of a member. The read model may not have a member yet who has just joined: then this waits for it. */
  private async findJoined(tenantId: string, memberId: string, position?: Position): Promise<MemberRow | undefined> {
    const find = () => findMember(this.db.tenant(tenantId), memberId);
    const found = await find();
    if (found) return found;
    const { log, waiter, settings } = this.deps;
    await waiter.waitFor(position ?? (await log.head()), settings.consistencyWaitMs);
    return find();
  }

  @Delete(':userId')
  @RequirePermission('members.leave')
  @Documented({
    id: 'removeMember',
    summary: 'Remove a member, or leave the tenant',
    description:
      'Every member may leave. Admins may remove members who are not owners; owners may remove any member. The last owner cannot leave or be removed (409). The tokens of the member for this tenant stop working on every server within one second, and their open invitations are revoked. A member who was removed cannot join again with an invitation that was created before the removal; a member who left can.',
    status: 204,
    problems: ['forbidden', 'conflict'],
  })
  async remove(
    @Context() context: RequestContext,
    @PathId('userId', 'User id of the member.') memberId: string,
    @Preconditions() requiredVersion: RequiredVersion,
  ): Promise<void> {
    const { tenantId, userId } = principalOf(context);
    const reason = memberId === userId ? 'left' : 'removed';
    const input = { by: userId, userId: memberId, reason, at: new Date().toISOString() } as const;
    const command = new RemoveMember(tenantId, input, commandContextOf(context), requiredVersion);
    const { position } = await this.commands.execute<RemoveMember, CommandResult<Tenant>>(command);
    context.position = position;
  }
}
