import { Body, Controller, Delete, Get, Param, Post, Query } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { ApiParam, ApiTags } from '@nestjs/swagger';
import { InviteMember, RevokeInvitation } from '#domain/tenant/decide-invitations';
import type { Tenant } from '#domain/tenant/evolve';
import type { CommandResult } from '#event-log/aggregate/aggregate-store';
import { hashOfToken, InvitationTokens } from '#identity/tokens/invitation-tokens';
import { ScopedDb } from '#platform/database/scoped/scoped-db';
import { type InvitationRow, listInvitations } from '#projections/invitations/queries';
import { PublicUrl } from '../core/public-url';
import { type Page, PageQuery, Pages, type Paging } from '../http/contract/pages';
import { Public } from '../http/contract/public.decorator';
import { RequirePermission, SignedIn } from '../http/contract/require-permission.decorator';
import { RateLimit } from '../http/limits/rate-limit.decorator';
import { Documented } from '../http/openapi/documented';
import { Client, type ClientInfo } from '../http/requests/client';
import { commandContextOf, principalOf } from '../http/requests/command-context';
import { Context, type RequestContext } from '../http/requests/request-context';
import { PathId } from '../http/validation/path-id';
import { invalid } from '../http/validation/validation';
import {
  AcceptDto,
  AcceptedDto,
  InvitationDto,
  InvitationPageDto,
  InviteDto,
  NewInvitationDto,
  PreviewDto,
} from './invitation.dto';
import { InvitationPreviews } from './invitation-previews';
import { JoinService } from './join.service';

const DAY_MS = 86_400_000;
const DEFAULT_DAYS = 7;
const MAX_DAYS = 90;

/** Routes about the invitations of the tenant in the access token, and to join a tenant by a link. */
@ApiTags('Tenant')
@Controller('v1/invitations')
export class InvitationsController {
  constructor(
    private readonly db: ScopedDb,
    private readonly tokens: InvitationTokens,
    private readonly previews: InvitationPreviews,
    private readonly joinService: JoinService,
    private readonly publicUrl: PublicUrl,
    private readonly commands: CommandBus,
  ) {}

  @Post()
  @RequirePermission('invitations.create')
  @Documented({
    id: 'createInvitation',
    summary: 'Create an invitation link',
    description: 'Only owners may invite admins. An invitation cannot grant the role `owner`.',
    response: NewInvitationDto,
    status: 201,
    problems: ['forbidden', 'plan-limit-reached'],
  })
  async invite(
    @Context() context: RequestContext,
    @Body() { role, maxUses, expiresAt, emailDomains = [] }: InviteDto,
  ): Promise<NewInvitationDto> {
    const { tenantId, userId } = principalOf(context);
    // The invitation has the id of the command: a repeat after a crash finds it and derives the same token from the id.
    const id = context.commandId;
    const token = this.tokens.tokenOf(id);
    const input = {
      ...{ by: userId, invitationId: id, role, maxUses, emailDomains, expiresAt: expiryOf(expiresAt) },
      tokenHash: hashOfToken(token),
      at: new Date().toISOString(),
    };
    const command = new InviteMember(tenantId, input, commandContextOf(context));
    const { position } = await this.commands.execute<InviteMember, CommandResult<Tenant>>(command);
    context.position = position;
    const invitation = { id, role, maxUses, uses: 0, revoked: false, emailDomains, invitedBy: userId };
    return new NewInvitationDto(
      { ...invitation, expiresAt: new Date(input.expiresAt) },
      `${this.publicUrl()}/join/${token}`,
    );
  }

  @Get()
  @RequirePermission('invitations.read')
  @Documented({
    id: 'listInvitations',
    summary: 'List invitations, newest first',
    description:
      'The list also has invitations that are used up, expired or revoked. It has no links, because they are not stored.',
    response: InvitationPageDto,
    problems: ['forbidden'],
  })
  async list(
    @Context() context: RequestContext,
    @Query() query: PageQuery,
    @Pages() pages: Paging,
  ): Promise<Page<InvitationDto>> {
    const db = this.db.tenant(principalOf(context).tenantId);
    const { data, nextCursor } = await pages.page<InvitationRow>(
      query,
      ({ id }) => [id],
      (after, take) => listInvitations(db, after && String(after[0]), take),
    );
    return { data: data.map((row) => new InvitationDto(row)), nextCursor };
  }

  @Delete(':id')
  @RequirePermission('invitations.revoke')
  @Documented({
    id: 'revokeInvitation',
    summary: 'Revoke an invitation',
    description:
      'After the answer, the link cannot be used any more. The answer is 404 if the invitation is already used up or revoked.',
    status: 204,
    problems: ['forbidden'],
  })
  async revoke(
    @Context() context: RequestContext,
    @PathId('id', 'Id of the invitation, as `GET /v1/invitations` lists it.') id: string,
  ): Promise<void> {
    const { tenantId, userId } = principalOf(context);
    const command = new RevokeInvitation(tenantId, { by: userId, invitationId: id }, commandContextOf(context));
    const { position } = await this.commands.execute<RevokeInvitation, CommandResult<Tenant>>(command);
    context.position = position;
  }

  @Get('preview/:token')
  @Public()
  @RateLimit('join')
  @ApiParam({ name: 'token', description: 'Last path segment of the invitation link.' })
  @Documented({
    id: 'previewInvitation',
    summary: 'Show the tenant and the role of an invitation link',
    description: 'The answer is 404 for a link that is unknown, revoked, used up or expired.',
    response: PreviewDto,
    problems: ['not-found'],
  })
  preview(@Param('token') token: string): Promise<PreviewDto> {
    return this.previews.preview(token);
  }

  @Post('accept')
  @Public()
  @SignedIn()
  @RateLimit('join')
  @Documented({
    id: 'acceptInvitation',
    summary: 'Join a tenant with an invitation',
    description:
      'A signed-in user sends only the token. A new user also sends a name, an e-mail address and a password. A user with an account who is not signed in sends the e-mail address and the password of the account; the answer is 401 if the password is wrong. A user who is already a member gets tokens, and the number of uses does not change. The answer is 409 while the tenant cannot admit further members; only its members can see why.',
    response: AcceptedDto,
    status: 201,
    problems: ['not-found', 'unauthenticated', 'forbidden', 'conflict'],
  })
  accept(
    @Body() body: AcceptDto,
    @Context() context: RequestContext,
    @Client() client: ClientInfo,
  ): Promise<AcceptedDto> {
    return this.joinService.accept(body, context, client);
  }
}

/** The requested expiry time, or the default; RFC 3339. @throws Problem validation-failed */
const expiryOf = (requested: string | undefined): string => {
  const now = Date.now();
  if (requested === undefined) return new Date(now + DEFAULT_DAYS * DAY_MS).toISOString();
  const time = Date.parse(requested);
  if (time <= now || time > now + MAX_DAYS * DAY_MS)
    throw invalid([{ pointer: '/expiresAt', message: `must be within the next ${MAX_DAYS} days` }]);
  return requested;
};
