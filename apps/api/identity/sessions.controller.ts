import { Body, Controller, Delete, Get, HttpCode, Inject, Post, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { type SessionRow, sessionsOf } from '../../../libs/identity/session-list';
import type { ScopedDb } from '../../../libs/platform/database/scoped-db';
import { Client, type ClientInfo } from '../http/client';
import { askerOf } from '../http/command-context';
import { Documented } from '../http/documented';
import { OfPerson } from '../http/needs.decorator';
import { PageQuery, Pages, type Paging } from '../http/pages';
import { PathId } from '../http/path-id';
import { Context, type RequestContext } from '../http/request-context';
import { ACCOUNT, SCOPED_DB } from '../tokens';
import { SessionDto, SessionPageDto, SwitchDto, SwitchedDto } from './account.dto';
import type { Account } from './account.service';

/** The sessions of the signed-in person, whatever company each is in. */
@ApiTags('Identity')
@Controller('v1/sessions')
export class SessionsController {
  constructor(
    @Inject(ACCOUNT) private readonly account: Account,
    @Inject(SCOPED_DB) private readonly db: ScopedDb,
  ) {}

  @Get()
  @OfPerson()
  @Documented({ summary: 'List the sessions of the signed-in user, newest first', response: SessionPageDto })
  async list(
    @Query() query: PageQuery,
    @Context() context: RequestContext,
    @Pages() pages: Paging,
  ): Promise<SessionPageDto> {
    const { personId, sessionId } = askerOf(context);
    const { data, nextCursor } = await pages.page(
      query,
      ({ createdKey, id }: SessionRow) => [createdKey, id],
      (after, take) => sessionsOf(this.db.person(personId), after?.map(String) ?? [], take),
    );
    return { data: data.map((row) => new SessionDto(row, sessionId)), nextCursor };
  }

  @Post('switch')
  @OfPerson()
  @Documented({
    summary: 'Open a session in another of your tenants',
    description:
      'The present session stays valid. The answer is 404 if the tenant is closed or you are not a member of it.',
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
  @OfPerson()
  @HttpCode(204)
  @Documented({ summary: 'Sign out: end the present session', status: 204 })
  endCurrent(@Context() context: RequestContext): Promise<void> {
    return this.account.endSession(askerOf(context).sessionId, context);
  }

  @Delete(':id')
  @OfPerson()
  @HttpCode(204)
  @Documented({
    summary: 'End one of your sessions',
    description:
      'The tokens of the session stop working within one second on every server. A session that has already ended answers 204 again.',
    status: 204,
  })
  end(@PathId('id') id: string, @Context() context: RequestContext): Promise<void> {
    return this.account.endSession(id, context);
  }
}
