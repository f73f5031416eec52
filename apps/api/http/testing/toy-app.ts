import {
  Body,
  type CanActivate,
  Controller,
  Delete,
  type ExecutionContext,
  Get,
  HttpCode,
  Module,
  Patch,
  Post,
  Query,
  Req,
} from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { RouteConfig } from '@nestjs/platform-fastify';
import { ApiProperty } from '@nestjs/swagger';
import { hasRequiredVersion, type RequiredVersion } from '#domain/command';
import { silentLogger } from '#platform/logging/logger.port';
import { Problem } from '#platform/problems';
import { ContractGuard } from '../contract/contract.guard';
import { type Versioned, withETag } from '../contract/etag';
import { type Page, PageQuery, Pages, type Paging } from '../contract/pages';
import { Preconditions } from '../contract/preconditions';
import { Public } from '../contract/public.decorator';
import { RateLimit } from '../limits/rate-limit.decorator';
import { Documented } from '../openapi/documented';
import type { WithRawBody } from '../requests/json-body';
import { Context, contextOf, type RequestContext } from '../requests/request-context';
import { createApp } from '../server/create-app';
import type { HttpOptions } from '../server/options';
import {
  Choice,
  Day,
  Email,
  Flag,
  Integer,
  Nested,
  NestedList,
  Text,
  Timestamp,
  Uuid,
  WebUrl,
} from '../validation/fields';
import { PathId } from '../validation/path-id';

/** The behaviour of the routes of the toy application. Specs set it. */
export const script = {
  /** The calls of the write routes, with their parameters. */
  runs: [] as { commandId: string; mayRepeat: boolean; body: unknown }[],
  /** Is called by the routes; a write route calls it after the entry in `runs`. Its result is the answer. */
  during: async (_context: RequestContext): Promise<unknown> => undefined,
  /** The value that GET /v1/throws throws. */
  error: undefined as unknown,
  reset(): void {
    this.runs = [];
    this.during = async () => undefined;
    this.error = undefined;
  },
};

class AddressDto {
  @Text({ max: 100 })
  street!: string;

  @Integer({ min: 1, max: 9999, optional: true })
  number?: number;
}

class ThingDto {
  @Text({ max: 20, description: 'Its name.', example: 'Lamp' })
  name!: string;

  @Text({ min: 0, max: 200, optional: true, nullable: true, lines: true })
  note?: string | null;

  @Uuid({ optional: true })
  owner?: string;

  @Email({ optional: true })
  email?: string;

  @Flag({ optional: true })
  loud?: boolean;

  @Choice(['red', 'green'], { optional: true })
  colour?: string;

  @Timestamp({ optional: true })
  at?: string;

  @Day({ optional: true })
  due?: string;

  @WebUrl({ optional: true })
  link?: string;

  @Text({ max: 20, optional: true, pattern: /^[a-z]+$/, patternMessage: 'must be lower-case letters' })
  slug?: string;

  @Nested(() => AddressDto, { optional: true })
  home?: AddressDto;

  @NestedList(() => AddressDto, { max: 3, optional: true })
  addresses?: AddressDto[];
}

class ListQuery extends PageQuery {
  @Choice(['red', 'green'], { optional: true })
  colour?: string;

  @Flag({ optional: true })
  loud?: boolean;
}

class TokenQuery {
  @Text({ max: 20, optional: true })
  token?: string;
}

class ThingView {
  @ApiProperty()
  name!: string;
}

const ROWS = Array.from({ length: 7 }, (_, at) => ({ id: at + 1 }));

@Controller('v1')
class ToyController {
  @Get('things')
  @Documented({ id: 'listThings', summary: 'List things', description: 'All of them.' })
  list(@Query() query: ListQuery, @Pages() pages: Paging): Promise<Page<{ id: number }>> {
    return pages.page(
      query,
      (row) => [row.id],
      async (after, count) => ROWS.filter(({ id }) => id > Number(after?.[0] ?? 0)).slice(0, count),
    );
  }

  @Post('things')
  @Documented({
    id: 'makeThing',
    summary: 'Make a thing',
    description: 'From a name.',
    response: ThingView,
    problems: ['conflict'],
  })
  async make(@Body() body: ThingDto, @Context() context: RequestContext): Promise<unknown> {
    script.runs.push({ commandId: context.commandId, mayRepeat: context.mayRepeat, body });
    const answer = await script.during(context);
    return answer ?? { made: body.name, run: script.runs.length };
  }

  @Get('things/:id')
  @Documented({
    id: 'getThing',
    summary: 'Show a thing',
    description: 'With its version.',
    response: ThingView,
    problems: ['not-found'],
  })
  show(@PathId('id', 'Id of the thing.') id: string): Versioned<unknown> {
    return withETag({ id }, 7);
  }

  @Patch('things/:id')
  @Documented({
    id: 'changeThing',
    summary: 'Change a thing',
    description: 'To its next version.',
    response: ThingView,
  })
  change(@PathId('id', 'Id of the thing.') id: string, @Preconditions() expected: RequiredVersion): Versioned<unknown> {
    if (!hasRequiredVersion(7, expected)) throw new Problem('precondition-failed');
    return withETag({ id, expected: expected ?? null }, 8);
  }

  @Delete('things/:id')
  @HttpCode(204)
  async remove(@Context() context: RequestContext): Promise<void> {
    await script.during(context);
  }

  @Public()
  @Post('anonymous')
  async anonymous(@Context() context: RequestContext): Promise<unknown> {
    script.runs.push({ commandId: context.commandId, mayRepeat: context.mayRepeat, body: undefined });
    return (await script.during(context)) ?? { accessToken: 'top-secret-token' };
  }

  @Public()
  @RateLimit('signin')
  @Post('signin')
  signIn(): object {
    return {};
  }

  @Public()
  @Get('open')
  open(): object {
    return { open: true };
  }

  @Public()
  @Post('webhook')
  webhook(@Req() request: WithRawBody): object {
    return { bytes: request.rawBody?.toString() };
  }

  @Public()
  @Get('throws')
  throws(@Query() _query: TokenQuery): never {
    throw script.error;
  }

  @Public()
  @Get('patient')
  @RouteConfig({ deadlineMs: 5_000 })
  async patient(@Context() context: RequestContext): Promise<object> {
    await script.during(context);
    return {};
  }

  @Public()
  @Get('slow')
  async slow(@Context() context: RequestContext): Promise<unknown> {
    return (await script.during(context)) ?? {};
  }
}

/** Accepts `Bearer <tenant>.<user>` as an access token. */
class ToyAuthGuard implements CanActivate {
  canActivate(execution: ExecutionContext): boolean {
    const request = execution.switchToHttp().getRequest();
    const [, tenantId, userId] = /^Bearer (.+)\.(.+)$/.exec(request.headers.authorization ?? '') ?? [];
    const isPublic = Reflect.getMetadata('tenantry:public', execution.getHandler()) === true;
    if (tenantId && userId) {
      contextOf(request).principal = { tenantId, userId, role: 'member', sessionId: 's' };
    } else if (!isPublic) throw new Problem('unauthenticated');
    return true;
  }
}

@Module({
  controllers: [ToyController],
  providers: [
    { provide: APP_GUARD, useClass: ToyAuthGuard },
    { provide: APP_GUARD, useClass: ContractGuard },
  ],
})
class ToyModule {}

export const TENANT_A = '0198c0de-0000-7000-8000-00000000000a';
export const TENANT_B = '0198c0de-0000-7000-8000-00000000000b';
const USER = '0198c0de-0000-7000-8000-000000000001';
export const asUser = (tenantId = TENANT_A, userId = USER): { authorization: string } => ({
  authorization: `Bearer ${tenantId}.${userId}`,
});

/** Creates the HTTP application with one controller that uses each of its features. Close it in `afterAll`. */
export const createToyApp = (options: Partial<HttpOptions> = {}): Promise<NestFastifyApplication> =>
  createApp(ToyModule, {
    logger: silentLogger,
    secretKey: Buffer.alloc(32, 7),
    rateLimits: {
      tenant: { limit: 100_000, windowSeconds: 60 },
      anonymous: { limit: 100_000, windowSeconds: 60 },
      named: { signin: { limit: 3, windowSeconds: 60 } },
    },
    ...options,
  });
