import { Body, Controller, Get, Header, Param, Post, Req, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Problem } from '#platform/problems';
import { PublicUrl } from '../../core/public-url';
import { Public } from '../../http/contract/public.decorator';
import { RateLimit } from '../../http/limits/rate-limit.decorator';
import { toProblem } from '../../http/problems/to-problem';
import { Client, type ClientInfo } from '../../http/requests/client';
import { Context, type RequestContext } from '../../http/requests/request-context';
import { createValidationPipe } from '../../http/validation/validation';
import { AcceptDto } from '../invitation.dto';
import { InvitationPreviews } from '../invitation-previews';
import { JoinService } from '../join.service';
import { type FormValues, formPage, joinedPage, STYLE } from './page';
import { HTML } from './problem-page';
import { isCrossSite } from './same-origin';

const validate = createValidationPipe();
const CROSS_SITE = 'The form was sent from another site. Open the link again and send it from there.';
const NAME_IS_MISSING = { pointer: '/personName', message: 'is required if you have no account yet' };

const textOf = (body: unknown, name: string): string | undefined => {
  const value = (body as Record<string, unknown> | undefined)?.[name];
  return typeof value === 'string' && value !== '' ? value : undefined;
};

/**
 * The HTML page of an invitation link: a form and its results, without a script. It is not part of the OpenAPI
 * document.
 */
@ApiExcludeController()
@Controller()
export class JoinPageController {
  constructor(
    private readonly previews: InvitationPreviews,
    private readonly joinService: JoinService,
    private readonly publicUrl: PublicUrl,
  ) {}

  @Get('join.css')
  @Public()
  @Header('content-type', 'text/css; charset=utf-8')
  @Header('cache-control', 'public, max-age=3600')
  style(): string {
    return STYLE;
  }

  @Get('join/:token')
  @Public()
  @RateLimit('join')
  @Header('content-type', HTML)
  @Header('cache-control', 'no-store')
  async form(@Param('token') token: string): Promise<string> {
    return formPage(await this.previews.previewWithInviter(token));
  }

  @Post('join/:token')
  @Public()
  @RateLimit('join')
  @Header('content-type', HTML)
  @Header('cache-control', 'no-store')
  async join(
    @Param('token') token: string,
    @Body() body: unknown,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
    @Context() context: RequestContext,
    @Client() client: ClientInfo,
  ): Promise<string> {
    reply.code(200);
    if (isCrossSite({ headers: request.headers, host: request.host, publicUrl: this.publicUrl() }))
      throw new Problem('forbidden', { detail: CROSS_SITE });
    const values: FormValues = { personName: textOf(body, 'personName'), email: textOf(body, 'email') };
    try {
      const { personName, email } = values;
      const password = textOf(body, 'password');
      const input = {
        token,
        ...(personName && { personName }),
        ...(email && { email }),
        ...(password && { password }),
      };
      const dto = (await validate.transform(input, { type: 'body', metatype: AcceptDto })) as AcceptDto;
      const { tenant, user } = await this.joinService.accept(dto, context, client);
      return joinedPage(tenant.name, user.email);
    } catch (error) {
      const problem = toProblem(error);
      if (problem.problem === 'not-found' || problem.status >= 500) throw error;
      const preview = await this.previews.previewWithInviter(token);
      reply.code(problem.status);
      const { detail, errors } = problem.details;
      // A new user without a name gets the same answer as a wrong password, which does not reveal if there is an
      // account.
      if (problem.problem === 'unauthenticated' && !values.personName)
        return formPage(preview, values, detail, [NAME_IS_MISSING]);
      return formPage(preview, values, errors?.length ? undefined : (detail ?? problem.title), errors);
    }
  }
}
