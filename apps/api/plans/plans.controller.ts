import { Controller, Get } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { Catalogue } from '#plans/catalogue/index';
import { ScopedDb } from '#platform/database/scoped/scoped-db';
import { type Digested, withDigest } from '../http/contract/etag';
import { Public } from '../http/contract/public.decorator';
import { RequirePermission } from '../http/contract/require-permission.decorator';
import { Documented } from '../http/openapi/documented';
import { principalOf } from '../http/requests/command-context';
import { Context, type RequestContext } from '../http/requests/request-context';
import { PlanDto, PlansDto, UsageDto } from './plan.dto';
import { lastingOf, Usage } from './usage';

/** The routes about the plans on offer and the use of a tenant. */
@ApiTags('Billing')
@Controller('v1')
export class PlansController {
  constructor(
    private readonly catalogue: Catalogue,
    private readonly usageOf: Usage,
    private readonly db: ScopedDb,
  ) {}

  @Get('plans')
  @Public()
  @Documented({
    id: 'listPlans',
    summary: 'List the plans with prices, limits and features',
    description:
      'The list has the plans that are on sale now. A tenant keeps the price and the limits of the version that it has bought, even if a later version has others.',
    response: PlansDto,
  })
  plans(): PlansDto {
    return { data: this.catalogue.offers.map((offer) => new PlanDto(offer)) };
  }

  @Get('usage')
  @RequirePermission('usage.read')
  @Documented({
    id: 'getUsage',
    summary: 'Show the use of each limited resource',
    description:
      'The answer has, for each resource, its use, its limit, the period in which it is counted, and for API calls the time when the limit will be reached. The route also answers when the limit of API calls is reached, and while the tenant is suspended.',
    response: UsageDto,
    problems: ['forbidden'],
    versioned: true,
  })
  async usage(@Context() context: RequestContext): Promise<Digested<UsageDto>> {
    const usage = await this.usageOf(this.db.tenant(principalOf(context).tenantId));
    return withDigest(usage, { plan: usage.plan, data: lastingOf(usage.data) });
  }
}
