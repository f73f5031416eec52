import { Body, Controller, Get, Post, Query, Res } from '@nestjs/common';
import { ApiExcludeEndpoint, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { ScopedDb } from '#platform/database/scoped/scoped-db';
import { Problem } from '#platform/problems';
import { listInvoices } from '#projections/billing/queries';
import { type Digested, withDigest } from '../http/contract/etag';
import { type Page, Pages, type Paging } from '../http/contract/pages';
import { PositionTokens } from '../http/contract/position-token';
import { Public } from '../http/contract/public.decorator';
import { RequirePermission } from '../http/contract/require-permission.decorator';
import { RateLimit } from '../http/limits/rate-limit.decorator';
import { Documented } from '../http/openapi/documented';
import { principalOf } from '../http/requests/command-context';
import { Context, type RequestContext } from '../http/requests/request-context';
import { Opaque } from '../http/validation/fields';
import { BillingDto, InvoiceDto, InvoicePageDto, InvoicesQuery } from './billing.dto';
import { BillingService } from './billing.service';
import { ChangeDto, ChangePreviewDto, ChangeQuery, CheckoutDto, PortalDto, RedirectDto } from './purchases.dto';
import { whyOf } from './why';
import { WhyDto } from './why.dto';

class ReturnQuery {
  @Opaque({ max: 8_192 })
  to!: string;
}

/** The routes about plans, subscriptions, payments and invoices of a tenant. */
@ApiTags('Billing')
@Controller()
export class BillingController {
  constructor(
    private readonly billing: BillingService,
    private readonly db: ScopedDb,
    private readonly positions: PositionTokens,
  ) {}

  @Get('v1/billing')
  @RequirePermission('billing.read')
  @Documented({
    id: 'getBilling',
    summary: 'Show the plan, the subscription, the payment and the lock',
    description:
      'The route also answers while the tenant is locked or suspended. If there is no subscription and a checkout page was created within the last hour, the server first reads the result from Stripe, for at most one second.',
    response: BillingDto,
    problems: ['forbidden'],
    versioned: true,
  })
  async get(@Context() context: RequestContext): Promise<Digested<BillingDto>> {
    return withDigest(new BillingDto(await this.billing.get(principalOf(context).tenantId)));
  }

  @Post('v1/billing/checkout')
  @RequirePermission('billing.change')
  @Documented({
    id: 'createCheckout',
    storesEvents: false,
    summary: 'Buy a plan: create a Stripe Checkout page',
    description:
      'The plan starts after the payment on that page. Only the last page that was created can be paid. The answer is 409 if there is a subscription already (use `POST /v1/billing/change`), if another checkout or change of the tenant is in progress, or if Stripe refuses the request.',
    response: RedirectDto,
    problems: ['forbidden', 'conflict', 'dependency-unavailable'],
  })
  async checkout(@Context() context: RequestContext, @Body() body: CheckoutDto): Promise<RedirectDto> {
    return { url: await this.billing.checkout(principalOf(context).tenantId, context.commandId, body) };
  }

  @Post('v1/billing/portal')
  @RequirePermission('billing.change')
  @Documented({
    id: 'createPortalSession',
    storesEvents: false,
    summary: 'Manage cards and invoices: create a page of the Stripe customer portal',
    description:
      'Create a new page for each visit. The answer is 409 if the tenant has never started a checkout: use `POST /v1/billing/checkout`.',
    response: RedirectDto,
    problems: ['forbidden', 'conflict', 'dependency-unavailable'],
  })
  async portal(@Context() context: RequestContext, @Body() { returnUrl }: PortalDto): Promise<RedirectDto> {
    return { url: await this.billing.portal(principalOf(context).tenantId, context.commandId, returnUrl) };
  }

  @Post('v1/billing/change')
  @RequirePermission('billing.change')
  @Documented({
    id: 'changePlan',
    summary: 'Change the plan or the number of seats, or preview the cost',
    description:
      'With `?preview=true`, nothing changes: the answer is a `ChangePreviewDto` with the cost now and later, and the resources whose use would exceed the new limits. Otherwise the change is made: the answer is a `BillingDto` with the state after it. Overdue invoices are paid before the change. The answer is 409 if there is no subscription (use `POST /v1/billing/checkout`), if Stripe refuses the request, for example because the card is declined (`code` is the code from Stripe), or if another checkout or change of the tenant is in progress. If it is 503, the change may have been made: repeat the request with the same `Idempotency-Key`.',
    response: { oneOf: [BillingDto, ChangePreviewDto] },
    status: 200,
    problems: ['forbidden', 'conflict', 'dependency-unavailable'],
  })
  async change(
    @Context() context: RequestContext,
    @Query() { preview }: ChangeQuery,
    @Body() body: ChangeDto,
  ): Promise<ChangePreviewDto | BillingDto> {
    const { tenantId } = principalOf(context);
    if (preview === 'true') return this.billing.preview(tenantId, body);
    const { row, position } = await this.billing.change(tenantId, context.commandId, body);
    context.position = position;
    return new BillingDto(row);
  }

  @Get('v1/billing/invoices')
  @RequirePermission('billing.read')
  @Documented({
    id: 'listInvoices',
    summary: 'List invoices, newest first',
    description:
      'The list has each invoice that was paid, or whose payment has failed at least once. Invoices with the amount 0, and invoices that were not charged yet, are left out.',
    response: InvoicePageDto,
    problems: ['forbidden'],
  })
  invoices(
    @Context() context: RequestContext,
    @Query() query: InvoicesQuery,
    @Pages() pages: Paging,
  ): Promise<Page<InvoiceDto>> {
    const db = this.db.tenant(principalOf(context).tenantId);
    return pages.page(
      query,
      ({ createdAt, id }) => [createdAt, id],
      async (after, take) => {
        const before = after && { createdAt: String(after[0]), id: String(after[1]) };
        return (await listInvoices(db, before, take)).map((row) => new InvoiceDto(row));
      },
    );
  }

  @Get('v1/billing/why')
  @RequirePermission('billing.read')
  @Documented({
    id: 'explainBilling',
    summary: 'Explain the present plan and lock',
    description:
      'Each entry has a decision about the plan, the payments or the lock, its time, its cause (for example an event from Stripe), and its effect. The newest entry comes first.',
    response: WhyDto,
    problems: ['forbidden'],
  })
  why(@Context() context: RequestContext): Promise<WhyDto> {
    const { tenantId } = principalOf(context);
    return whyOf(this.db.tenant(tenantId), (position) => this.positions.seal(tenantId, position));
  }

  @Get('billing/return')
  @Public()
  @RateLimit('join')
  @ApiExcludeEndpoint()
  async returnFromStripe(@Query() { to }: ReturnQuery, @Res() reply: FastifyReply): Promise<void> {
    const url = await this.billing.returnFromStripe(to);
    if (url === undefined)
      throw new Problem('not-found', {
        detail:
          'This return link is not valid or has expired. Your payment is not affected. Open your application again.',
      });
    reply.header('cache-control', 'no-store').header('referrer-policy', 'no-referrer').redirect(url, 303);
  }
}
