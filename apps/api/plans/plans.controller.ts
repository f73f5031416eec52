import { Controller, Get, Inject } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { Catalogue } from '../../../libs/plans/catalogue';
import type { ScopedDb } from '../../../libs/platform/database/scoped-db';
import { principalOf } from '../http/command-context';
import { Documented } from '../http/documented';
import { type Digested, withDigest } from '../http/etag';
import { Needs } from '../http/needs.decorator';
import { Public } from '../http/public.decorator';
import { Context, type RequestContext } from '../http/request-context';
import { CATALOGUE, SCOPED_DB, USAGE } from '../tokens';
import { PlanDto, PlansDto, UsageDto } from './plan.dto';
import { lastingOf, type Usage } from './usage';

/** What can be bought, and what of it a company uses. */
@ApiTags('Billing')
@Controller('v1')
export class PlansController {
  constructor(
    @Inject(CATALOGUE) private readonly catalogue: Catalogue,
    @Inject(USAGE) private readonly usageOf: Usage,
    @Inject(SCOPED_DB) private readonly db: ScopedDb,
  ) {}

  @Get('plans')
  @Public()
  @Documented({ summary: 'List the plans with prices, limits and features', response: PlansDto })
  plans(): PlansDto {
    return { data: this.catalogue.offers.map((offer) => new PlanDto(offer)) };
  }

  @Get('usage')
  @Needs('usage.read')
  @Documented({
    summary: 'Show the use of each limited resource',
    description:
      'Each resource with its use, its limit, the period in which it is counted, and when the limit will be reached. This works when the limit of API calls is reached and while the tenant is suspended.',
    response: UsageDto,
    problems: ['forbidden'],
    versioned: true,
  })
  async usage(@Context() context: RequestContext): Promise<Digested<UsageDto>> {
    const usage = await this.usageOf(this.db.tenant(principalOf(context).tenantId));
    return withDigest(usage, { plan: usage.plan, data: lastingOf(usage.data) });
  }
}
