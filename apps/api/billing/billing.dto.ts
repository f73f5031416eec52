import { ApiProperty } from '@nestjs/swagger';
import type { BillingRow, InvoiceRow } from '#projections/billing/queries';
import { PageQuery } from '../http/contract/pages';
import { Choice, Integer, Timestamp, WebUrl } from '../http/validation/fields';

const MAX_SEATS = 10_000;
const SOLD = ['pro', 'enterprise'] as const;
const TARGETS = ['free', ...SOLD] as const;

export class CheckoutDto {
  @Choice(SOLD, { description: 'Plan to buy.' })
  plan!: (typeof SOLD)[number];

  @Integer({
    min: 1,
    max: MAX_SEATS,
    optional: true,
    description: 'Total number of seats, at least as many as the plan includes. Omit to buy the included seats.',
  })
  seats?: number;

  @WebUrl({ description: 'Where to send the owner after the payment. The server must allow its origin.' })
  successUrl!: string;

  @WebUrl({
    description: 'Where to send an owner who leaves checkout without paying. The server must allow its origin.',
  })
  cancelUrl!: string;
}

export class PortalDto {
  @WebUrl({ description: 'Where to send the owner after a visit to the portal. The server must allow its origin.' })
  returnUrl!: string;
}

export class RedirectDto {
  @ApiProperty({ format: 'uri', description: 'URL of Stripe’s page. Send the browser there.' })
  readonly url!: string;
}

export class ChangeDto {
  @Choice(TARGETS, { description: 'Plan to change to. `free` ends the subscription at the end of the paid period.' })
  plan!: (typeof TARGETS)[number];

  @Integer({
    min: 1,
    max: MAX_SEATS,
    optional: true,
    description: 'Total number of seats, at least as many as the plan includes. Omit to keep the present number.',
  })
  seats?: number;

  @Timestamp({
    optional: true,
    description:
      'The `at` of a preview, so that the change costs exactly what the preview showed. Omit to use the present time.',
  })
  previewedAt?: string;
}

export class ChangeQuery {
  @Choice(['true', 'false'], {
    optional: true,
    description:
      '`true`: return the cost and the resources whose use would exceed the new limits, without changing anything.',
  })
  preview?: 'true' | 'false';
}

export class ExceededLimitDto {
  @ApiProperty({ example: 'projects', description: 'The limited resource, as in `GET /v1/usage`.' })
  readonly resource!: string;
  @ApiProperty({ example: 5, description: 'Present use of the resource.' })
  readonly used!: number;
  @ApiProperty({ example: 3, description: 'What the new plan would allow.' })
  readonly limit!: number;
  @ApiProperty({
    type: [String],
    description:
      'Ids of the projects that would become read-only, oldest first, at most 100. Empty for other resources.',
  })
  readonly readOnly!: string[];
}

export class ChangePreviewDto {
  @ApiProperty({ example: 'pro', description: 'Id of the plan after the change, as in `GET /v1/plans`.' })
  readonly plan!: string;
  @ApiProperty({
    type: Number,
    nullable: true,
    description: 'Total number of seats. `null`: the plan does not limit seats, or the plan is `free`.',
  })
  readonly seats!: number | null;
  @ApiProperty({
    example: 3_100,
    description: 'Amount charged now, in minor units, including overdue invoices.',
  })
  readonly dueNow!: number;
  @ApiProperty({
    example: 0,
    description: 'Part of `dueNow` that pays overdue invoices, in minor units. It is paid first.',
  })
  readonly overdue!: number;
  @ApiProperty({
    example: 0,
    description: 'Credit for the unused part of the paid period, in minor units. Later invoices are reduced by it.',
  })
  readonly credited!: number;
  @ApiProperty({ example: 4_900, description: 'Amount of each later period, in minor units.' })
  readonly recurring!: number;
  @ApiProperty({
    ...{ type: String, example: 'EUR', nullable: true },
    description: 'Currency of all amounts (ISO 4217). `null`: nothing is charged, because the plan is `free`.',
  })
  readonly currency!: string | null;
  @ApiProperty({
    format: 'date-time',
    description: 'Time for which the preview was calculated. Send it as `previewedAt` to get exactly this price.',
  })
  readonly at!: string;
  @ApiProperty({ format: 'date-time', description: 'When the change takes effect.' })
  readonly effectiveAt!: string;
  @ApiProperty({
    type: [ExceededLimitDto],
    description: 'Resources whose use exceeds the new limits. Nothing is deleted.',
  })
  readonly misfits!: ExceededLimitDto[];
}

const timeOf = (date: Date | null): string | null => date?.toISOString() ?? null;
const nullableTime = (description: string): PropertyDecorator =>
  ApiProperty({ type: String, format: 'date-time', nullable: true, description });

export class BillingDto {
  @ApiProperty({ example: 'pro', description: 'Id of the present plan, as in `GET /v1/plans`.' })
  readonly plan: string;
  @ApiProperty({ example: 1, description: 'Version of the plan that the tenant has bought.' })
  readonly planVersion: number;
  @ApiProperty({
    ...{ type: Number, nullable: true },
    description: 'Total number of paid seats. `null`: there is no subscription, or the plan does not limit seats.',
  })
  readonly seats: number | null;
  @ApiProperty({
    ...{ type: String, nullable: true, enum: ['trialing', 'active', 'past-due', 'unpaid', 'paused', null] },
    description: 'Status of the subscription. `null`: there is no subscription.',
  })
  readonly status: string | null;
  @nullableTime('End of the paid period.')
  readonly periodEnd: string | null;
  @nullableTime('End of the trial.')
  readonly trialEnd: string | null;
  @ApiProperty({
    enum: ['none', 'ok', 'failed'],
    description: '`none`: there is no subscription. `ok`: no payment is missing. `failed`: a payment is missing.',
  })
  readonly payment: string;
  @nullableTime('When the first payment that is still missing failed.')
  readonly failingSince: string | null;
  @ApiProperty({
    enum: ['none', 'locked', 'suspended'],
    description:
      '`none`: the tenant is not locked. `locked`: writes are blocked. `suspended`: reads are blocked as well.',
  })
  readonly lock: string;
  @ApiProperty({
    ...{ type: String, nullable: true, example: 'payment-failed' },
    description:
      'Why the tenant is locked: `payment-failed` or `subscription-paused`. `null`: the tenant is not locked.',
  })
  readonly lockReason: string | null;
  @nullableTime('When writes were blocked.')
  readonly lockedSince: string | null;
  @nullableTime('When reads will be blocked as well.')
  readonly suspendAt: string | null;
  @ApiProperty({
    ...{ type: 'object', nullable: true, additionalProperties: false },
    properties: {
      plan: { type: 'string', description: 'Id of the next plan, as in `GET /v1/plans`.' },
      at: { type: 'string', format: 'date-time', description: 'When the next plan starts (UTC).' },
    },
    description: 'Next plan and when it starts. `null`: no change is scheduled.',
  })
  readonly pendingChange: { readonly plan: string; readonly at: string } | null;

  constructor(row: BillingRow) {
    this.plan = row.plan;
    this.planVersion = row.planVersion;
    this.seats = row.seats;
    this.status = row.status;
    this.periodEnd = timeOf(row.periodEnd);
    this.trialEnd = timeOf(row.trialEnd);
    this.payment = row.status === null ? 'none' : row.failingSince ? 'failed' : 'ok';
    this.failingSince = timeOf(row.failingSince);
    this.lock = row.lock;
    this.lockReason = row.lockReason;
    this.lockedSince = timeOf(row.lockedSince);
    this.suspendAt = timeOf(row.suspendAt);
    const end = timeOf(row.cancelAt);
    this.pendingChange = end === null ? null : { plan: 'free', at: end };
  }
}

export class InvoiceDto {
  @ApiProperty({ example: 'in_1PqYQd', description: 'Id of the invoice at Stripe.' })
  readonly id: string;
  @ApiProperty({
    ...{ type: String, nullable: true, example: 'A1B2-0001' },
    description: 'Number on the invoice. `null`: Stripe has not numbered it yet.',
  })
  readonly number: string | null;
  @ApiProperty({
    enum: ['open', 'paid', 'void', 'uncollectible'],
    description: '`open`: the payment failed or is missing. `paid`: nothing is owed.',
  })
  readonly status: string;
  @ApiProperty({
    example: 4_900,
    description: 'Total of all lines, in minor units. A negative amount is a credit for later invoices.',
  })
  readonly amount: number;
  @ApiProperty({ example: 4_900, description: 'Amount to pay after credits, in minor units.' })
  readonly amountDue: number;
  @ApiProperty({ example: 4_900, description: 'Amount that was paid, in minor units.' })
  readonly amountPaid: number;
  @ApiProperty({ example: 'EUR', description: 'Currency of all amounts of the invoice (ISO 4217).' })
  readonly currency: string;
  @ApiProperty({ format: 'date-time', description: 'When Stripe created the invoice (UTC).' })
  readonly createdAt: string;
  @nullableTime('When the payment is tried again.')
  readonly nextAttemptAt: string | null;
  @ApiProperty({ type: String, format: 'uri', nullable: true, description: 'Stripe’s page for this invoice.' })
  readonly url: string | null;

  constructor(row: InvoiceRow) {
    this.id = row.id;
    this.number = row.number;
    this.status = row.status;
    this.amount = Number(row.amount);
    this.amountDue = Number(row.amountDue);
    this.amountPaid = Number(row.amountPaid);
    this.currency = row.currency;
    this.createdAt = row.createdAt.toISOString();
    this.nextAttemptAt = timeOf(row.nextAttemptAt);
    this.url = row.url;
  }
}

export class InvoicePageDto {
  @ApiProperty({ type: [InvoiceDto], description: 'The invoices of this page, newest first.' })
  readonly data!: InvoiceDto[];
  @ApiProperty({
    ...{ type: String, nullable: true },
    description: 'Send it as `cursor` to get the next page. `null` on the last page.',
  })
  readonly nextCursor!: string | null;
}

export class InvoicesQuery extends PageQuery {}

export class CauseDto {
  @ApiProperty({
    enum: ['stripe', 'reconciliation', 'operator', 'system'],
    description:
      '`stripe`: an event from Stripe. `reconciliation`: a regular comparison with Stripe. `operator`: an operator of the server. `system`: the server itself.',
  })
  readonly kind!: string;
  @ApiProperty({
    ...{ type: String, nullable: true, example: 'evt_1PqYQd' },
    description: 'Id of the event at Stripe. `null`: the cause is no event from Stripe.',
  })
  readonly event!: string | null;
  @ApiProperty({
    ...{ type: String, nullable: true, example: 'invoice.paid' },
    description: 'Type of the event, as Stripe names it. `null`: there is no stored event.',
  })
  readonly type!: string | null;
  @nullableTime('When the event was created, by Stripe’s clock.')
  readonly createdAt!: string | null;
  @nullableTime('When this server received the event.')
  readonly receivedAt!: string | null;
}

export class ReasonDto {
  @ApiProperty({ example: '412', description: 'Position of the decision in the event log.' })
  readonly position!: string;
  @ApiProperty({ format: 'date-time', description: 'When the decision was stored (UTC).' })
  readonly at!: string;
  @ApiProperty({ type: CauseDto, description: 'What caused the decision.' })
  readonly cause!: CauseDto;
  @ApiProperty({ example: 'WorkspaceUnlocked', description: 'Type of the event that records the decision.' })
  readonly decision!: string;
  @ApiProperty({
    type: 'object',
    additionalProperties: true,
    description: 'Data of the event that records the decision: what it changed.',
  })
  readonly effect!: Record<string, unknown>;
}

export class WhyDto {
  @ApiProperty({ example: 'pro', description: 'Id of the present plan, as in `GET /v1/plans`.' })
  readonly plan!: string;
  @ApiProperty({
    enum: ['none', 'locked', 'suspended'],
    description:
      '`none`: the tenant is not locked. `locked`: writes are blocked. `suspended`: reads are blocked as well.',
  })
  readonly lock!: string;
  @ApiProperty({ type: [ReasonDto], description: 'Newest first.' })
  readonly data!: ReasonDto[];
}
