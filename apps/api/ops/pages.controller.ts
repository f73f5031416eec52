import { Body, Controller, Get, Header, Post, Query, Req, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Problem } from '#platform/problems';
import { PublicUrl } from '../core/public-url';
import { Public } from '../http/contract/public.decorator';
import { RateLimit } from '../http/limits/rate-limit.decorator';
import type { SignedInOperator } from '../http/requests/request-context';
import { HTML } from '../invitations/page/problem-page';
import { isCrossSite } from '../invitations/page/same-origin';
import { Gate, safeNext } from './gate';
import { CurrentOperator, ForOperators } from './operators.decorator';
import { homePage, loginPage } from './page';
import { LOGIN_PATH } from './paths';

const FROM_OTHER_SITE = 'The form was sent from another site. Open the page again and send it from there.';
const NO_TOKEN = 'This operator token is not valid or has expired. Create a new one with `tenantry operators token`.';

/** A field of a form; an empty text if it is missing or is no text. */
const fieldOf = (body: unknown, name: string): string => {
  const value = (body as { readonly [name: string]: unknown } | null | undefined)?.[name];
  return typeof value === 'string' ? value : '';
};

/**
 * The pages on which operators sign in and out with a browser, without a script. The OpenAPI document leaves them out.
 */
@ApiExcludeController()
@Controller('ops')
export class OpsPagesController {
  constructor(
    private readonly gate: Gate,
    private readonly publicUrl: PublicUrl,
  ) {}

  @Get()
  @ForOperators()
  @Header('content-type', HTML)
  @Header('cache-control', 'no-store')
  home(@CurrentOperator() operator: SignedInOperator): string {
    return homePage(operator);
  }

  @Get('login')
  @Public()
  @Header('content-type', HTML)
  @Header('cache-control', 'no-store')
  form(@Query('next') next: unknown): string {
    return loginPage(safeNext(typeof next === 'string' ? next : undefined));
  }

  @Post('login')
  @Public()
  @RateLimit('operator')
  @Header('cache-control', 'no-store')
  async login(@Body() body: unknown, @Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    this.refuseOtherSites(request);
    const token = fieldOf(body, 'token').trim();
    const next = safeNext(fieldOf(body, 'next'));
    const operator = await this.gate.verify(token);
    if (!operator) {
      reply
        .code(token === '' ? 400 : 401)
        .header('content-type', HTML)
        .send(loginPage(next, NO_TOKEN));
      return;
    }
    this.gate.open(reply, token, operator);
    reply.redirect(next, 303);
  }

  @Post('logout')
  @Public()
  @Header('cache-control', 'no-store')
  logout(@Req() request: FastifyRequest, @Res() reply: FastifyReply): void {
    this.refuseOtherSites(request);
    this.gate.close(reply);
    reply.redirect(LOGIN_PATH, 303);
  }

  private refuseOtherSites({ headers, host }: FastifyRequest): void {
    if (isCrossSite({ headers, host, publicUrl: this.publicUrl() }))
      throw new Problem('forbidden', { detail: FROM_OTHER_SITE });
  }
}
