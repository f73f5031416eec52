import { Body, Controller, Delete, Get, Post, Query } from '@nestjs/common';
import { ApiBody, ApiTags } from '@nestjs/swagger';
import { type SessionRow, sessionsOf } from '#identity/sessions/session-list';
import { ScopedDb } from '#platform/database/scoped/scoped-db';
import { PageQuery, Pages, type Paging } from '../../http/contract/pages';
import { Public } from '../../http/contract/public.decorator';
import { SignedIn } from '../../http/contract/require-permission.decorator';
import { RateLimit } from '../../http/limits/rate-limit.decorator';
import { Documented } from '../../http/openapi/documented';
import { Client, type ClientInfo } from '../../http/requests/client';
import { authenticatedUserOf } from '../../http/requests/command-context';
import { Context, type RequestContext } from '../../http/requests/request-context';
import { PathId } from '../../http/validation/path-id';
import { SessionDto, SessionPageDto, SignOutDto, SwitchDto, SwitchedDto } from './account.dto';
import { AccountService } from './account.service';

/** Routes about the sessions of the signed-in user, in all tenants. */
@ApiTags('Identity')
@Controller('v1/sessions')
export class SessionsController {
  constructor(
    private readonly account: AccountService,
    private readonly db: ScopedDb,
  ) {}

  @Get()
  @SignedIn()
  @Documented({
    id: 'listSessions',
    summary: 'List the sessions of the signed-in user, newest first',
    description: 'A session begins with a sign-in and ends with a sign-out or after it was not used for a long time.',
    response: SessionPageDto,
  })
  async list(
    @Query() query: PageQuery,
    @Context() context: RequestContext,
    @Pages() pages: Paging,
  ): Promise<SessionPageDto> {
    const { userId, sessionId } = authenticatedUserOf(context);
    const { data, nextCursor } = await pages.page(
      query,
      ({ createdKey, id }: SessionRow) => [createdKey, id],
      (after, take) => sessionsOf(this.db.user(userId), after?.map(String) ?? [], take),
    );
    return { data: data.map((row) => new SessionDto(row, sessionId)), nextCursor };
  }

  @Post('switch')
  @SignedIn()
  @Documented({
    id: 'switchTenant',
    storesEvents: false,
    summary: 'Open a session in another of your tenants',
    description:
      'The present session stays valid, and the new one ends with it. The answer is 404 if you are not a member of the tenant or if it is closed.',
    response: SwitchedDto,
    status: 201,
    problems: ['not-found'],
  })
  switchTo(
    @Body() { tenantId }: SwitchDto,
    @Context() context: RequestContext,
    @Client() client: ClientInfo,
  ): Promise<SwitchedDto> {
    return this.account.switchTo(tenantId, context, client);
  }

  @Delete('current')
  @Public()
  @SignedIn()
  @RateLimit('signin')
  @ApiBody({ type: SignOutDto, required: false })
  @Documented({
    id: 'signOut',
    storesEvents: false,
    summary: 'Sign out: end the present session',
    description:
      'The session is that of the access token, or of the refresh token in the body. Its tokens stop working within one second on every server, and so do those of the sessions that were opened from it, by a switch, a new tenant or an invitation. An unknown refresh token is answered with 204, too.',
    status: 204,
  })
  endCurrent(@Body() body: SignOutDto, @Context() context: RequestContext): Promise<void> {
    return this.account.signOut(body, context);
  }

  @Delete(':id')
  @SignedIn()
  @Documented({
    id: 'endSession',
    storesEvents: false,
    summary: 'End one of your sessions',
    description:
      'The tokens of the session, and of the sessions that were opened from it, stop working within one second on every server. If the session has already ended, the answer is 204 as well.',
    status: 204,
  })
  end(
    @PathId('id', 'Id of the session, as `GET /v1/sessions` lists it.') id: string,
    @Context() context: RequestContext,
  ): Promise<void> {
    return this.account.endSession(id, context);
  }
}
