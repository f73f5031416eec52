import { ApiProperty } from '@nestjs/swagger';
import type { BillingRow, InvoiceRow } from '#projections/billing/queries';
import { PageQuery } from '../http/contract/pages';
import { Choice, Integer, Timestamp, WebUrl } from '../http/validation/fields';

const MAX_SEATS = 10_000;
const SOLD = ['pro', 'enterprise'] as const;
const TARGETS = ['free', ...SOLD] as const;

const ALLOWED_ORIGIN = 'The server setting BILLING_RETURN_ORIGINS must list its origin; otherwise the answer is 400.';
/** Completes the description of an amount of money. */
const MINOR_UNITS = 'In the smallest unit of `currency`: 4900 is 49.00 EUR.';

export class CheckoutDto {
  @Choice(SOLD, { description: 'Id of the plan to buy, as in `GET /v1/plans`.' })
  plan!: (typeof SOLD)[number];

  @Integer({
    min: 1,
    max: MAX_SEATS,
    optional: true,
    description:
      'Total number of seats, at least as many as the plan includes (`limits.seats` of the plan). Omit to buy only the included seats. Must be omitted for a plan that sells no extra seats (`seatPrice` is `null`).',
  })
  seats?: number;

  @WebUrl({ description: `URL to which the browser returns after the payment. ${ALLOWED_ORIGIN}` })
  successUrl!: string;

  @WebUrl({
    description: `URL to which the browser returns if the owner leaves checkout without paying. ${ALLOWED_ORIGIN}`,
  })
  cancelUrl!: string;
}

export class PortalDto {
  @WebUrl({ description: `URL to which the browser returns after the visit to the portal. ${ALLOWED_ORIGIN}` })
  returnUrl!: string;
}

export class RedirectDto {
  @ApiProperty({ format: 'uri', description: 'URL of the page at Stripe. Open it in the browser of the owner.' })
  readonly url!: string;
}

export class ChangeDto {
  @Choice(TARGETS, {
    description:
      'Id of the plan to change to, as in `GET /v1/plans`. `free` ends the subscription at the end of the paid period; the other plans start at once.',
  })
  plan!: (typeof TARGETS)[number];

  @Integer({
    min: 1,
    max: MAX_SEATS,
    optional: true,
    description:
      'Total number of seats, at least as many as the plan includes. Omit to keep the present number. Must be omitted for a plan that sells no extra seats (`seatPrice` is `null`).',
  })
  seats?: number;

  @Timestamp({
    optional: true,
    description:
      'Field `at` of a preview from the last 24 hours, as an RFC 3339 time with an offset. The change then costs exactly what that preview showed. Omit it to calculate the cost at the present time.',
  })
  previewedAt?: string;
}

export class ChangeQuery {
  @Choice(['true', 'false'], {
    optional: true,
    description:
      '`true`: return the cost, and the resources whose use would exceed the new limits, without changing anything. `false` (default): make the change.',
  })
  preview?: 'true' | 'false';
}

export class ExceededLimitDto {
  @ApiProperty({ example: 'projects', description: 'The limited resource, as in `GET /v1/usage`.' })
  readonly resource!: string;
  @ApiProperty({ example: 5, description: 'Present use of the resource, as in `GET /v1/usage`.' })
  readonly used!: number;
  @ApiProperty({ example: 3, description: 'Highest number that the new plan allows.' })
  readonly limit!: number;
  @ApiProperty({
    type: [String],
    description:
      'Ids of the projects that could only be read and archived after the change, the oldest first, at most 100. Empty for other resources.',
  })
  readonly readOnly!: string[];
}

export class ChangePreviewDto {
  @ApiProperty({ example: 'pro', description: 'Id of the plan after the change, as in `GET /v1/plans`.' })
  readonly plan!: string;
  @ApiProperty({
    type: Number,
    nullable: true,
    description:
      'Total number of paid seats after the change. `null`: no seats are sold with the plan, because it is free or does not limit seats.',
  })
  readonly seats!: number | null;
  @ApiProperty({
    example: 3_100,
    description: `Amount that is charged now, with overdue invoices. ${MINOR_UNITS}`,
  })
  readonly dueNow!: number;
  @ApiProperty({
    example: 0,
    description: `Part of \`dueNow\` that pays overdue invoices. It is paid before the change. ${MINOR_UNITS}`,
  })
  readonly overdue!: number;
  @ApiProperty({
    example: 0,
    description: `Credit for the unused part of the paid period, which reduces later invoices. ${MINOR_UNITS}`,
  })
  readonly credited!: number;
  @ApiProperty({
    example: 4_900,
    description: `Amount of each later period, before credits. 0: the plan is \`free\`. ${MINOR_UNITS}`,
  })
  readonly recurring!: number;
  @ApiProperty({
    ...{ type: String, example: 'EUR', nullable: true },
    description:
      'Currency of all amounts, as an ISO 4217 code. `null`: nothing is charged, because the plan is `free`.',
  })
  readonly currency!: string | null;
  @ApiProperty({
    format: 'date-time',
    description:
      'Time for which the cost was calculated (UTC). Send it as `previewedAt` with the change to pay exactly this amount.',
  })
  readonly at!: string;
  @ApiProperty({
    format: 'date-time',
    description:
      'When the change takes effect (UTC): for the plan `free` at the end of the paid period, otherwise at the time in `at`.',
  })
  readonly effectiveAt!: string;
  @ApiProperty({
    type: [ExceededLimitDto],
    description:
      'Resources whose use exceeds the limits of the new plan. The change deletes nothing, but no more of these resources can be added or used.',
  })
  readonly misfits!: ExceededLimitDto[];
}

const timeOf = (date: Date | null): string | null => date?.toISOString() ?? null;
/** @param meaning and @param whenNull without a period at the end @param note a further sentence */
const nullableTime = (meaning: string, whenNull: string, note?: string): PropertyDecorator => {
  const sentences = [`${meaning} (UTC).`, ...(note === undefined ? [] : [note]), `\`null\`: ${whenNull}.`];
  return ApiProperty({ type: String, format: 'date-time', nullable: true, description: sentences.join(' ') });
};

export class BillingDto {
  @ApiProperty({ example: 'pro', description: 'Id of the present plan, as in `GET /v1/plans`.' })
  readonly plan: string;
  @ApiProperty({
    example: 1,
    description:
      'Version of the present plan, as in `GET /v1/plans`. Later versions with other prices or limits do not change it.',
  })
  readonly planVersion: number;
  @ApiProperty({
    ...{ type: Number, nullable: true },
    description:
      'Total number of paid seats, with those that the plan includes. `null`: there is no subscription, or no seats are sold with the plan.',
  })
  readonly seats: number | null;
  @ApiProperty({
    ...{ type: String, nullable: true, enum: ['trialing', 'active', 'past-due', 'unpaid', 'paused', null] },
    description:
      'Status of the subscription. `trialing`: in its trial. `active`: paid. `past-due`: a payment failed, and Stripe tries again. `unpaid`: a payment failed, and Stripe does not try again. `paused`: nothing is charged until it is resumed. `null`: there is no subscription.',
  })
  readonly status: string | null;
  @nullableTime('End of the paid period', 'there is no subscription')
  readonly periodEnd: string | null;
  @nullableTime('End of the trial', 'there was no trial, or there is no subscription', 'It can be in the past.')
  readonly trialEnd: string | null;
  @ApiProperty({
    enum: ['none', 'ok', 'failed'],
    description:
      '`none`: there is no subscription. `ok`: no payment is missing. `failed`: a payment is missing, or the subscription is paused.',
  })
  readonly payment: string;
  @nullableTime(
    'Time of the oldest invoice with a missing payment',
    'no payment is missing, and the subscription is not paused',
    'For a paused subscription: the end of its trial, or else the start of its period.',
  )
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
  @nullableTime('Time from which writes are blocked', 'the tenant is not locked')
  readonly lockedSince: string | null;
  @nullableTime(
    'Time from which reads are blocked as well',
    'the tenant is not locked',
    'It is in the past if the tenant is suspended.',
  )
  readonly suspendAt: string | null;
  @ApiProperty({
    ...{ type: 'object', nullable: true, additionalProperties: false },
    properties: {
      plan: { type: 'string', description: 'Id of the next plan, as in `GET /v1/plans`.' },
      at: { type: 'string', format: 'date-time', description: 'When the next plan starts (UTC).' },
    },
    description:
      'Next plan and when it starts: the plan `free`, because the subscription is going to end. `null`: no change is scheduled.',
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
    description: 'Number that is printed on the invoice. `null`: Stripe has not numbered the invoice yet.',
  })
  readonly number: string | null;
  @ApiProperty({
    enum: ['open', 'paid', 'void', 'uncollectible'],
    description:
      '`open`: a payment has failed, and the amount must still be paid. `paid`: paid. `void`: canceled, so nothing must be paid. `uncollectible`: its payment is not expected any more.',
  })
  readonly status: string;
  @ApiProperty({
    example: 4_900,
    description: `Total of all lines. A negative amount is a credit for later invoices. ${MINOR_UNITS}`,
  })
  readonly amount: number;
  @ApiProperty({ example: 4_900, description: `Amount that had to be paid after credits. ${MINOR_UNITS}` })
  readonly amountDue: number;
  @ApiProperty({ example: 4_900, description: `Amount that was paid until now. ${MINOR_UNITS}` })
  readonly amountPaid: number;
  @ApiProperty({ example: 'EUR', description: 'Currency of all amounts of the invoice, as an ISO 4217 code.' })
  readonly currency: string;
  @ApiProperty({ format: 'date-time', description: 'When Stripe created the invoice (UTC).' })
  readonly createdAt: string;
  @nullableTime(
    'When Stripe tries the payment again',
    'no further attempt is planned, for example because the invoice is paid',
  )
  readonly nextAttemptAt: string | null;
  @ApiProperty({
    ...{ type: String, format: 'uri', nullable: true },
    description: 'Page at Stripe that shows the invoice, where it can be paid. `null`: Stripe has no page for it.',
  })
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
    description: 'Id of the event at Stripe. `null`: the cause is not an event from Stripe.',
  })
  readonly event!: string | null;
  @ApiProperty({
    ...{ type: String, nullable: true, example: 'invoice.paid' },
    description:
      'Type of the event, as Stripe names it. `null`: the cause is not an event from Stripe, or the event is not stored any more (after 90 days).',
  })
  readonly type!: string | null;
  @nullableTime('When Stripe created the event', '`type` is `null`')
  readonly createdAt!: string | null;
  @nullableTime('When this server received the event', '`type` is `null`')
  readonly receivedAt!: string | null;
}

export class ReasonDto {
  @ApiProperty({
    example: 'Qk3xG6sX0c1mV2pZr9nYtA',
    description: 'Token of the position of the decision in the event log, which can be sent as `If-Position`.',
  })
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
    description:
      'Data of the event that records the decision. Its fields depend on `decision`; amounts of money are in the smallest unit of the currency.',
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
  @ApiProperty({
    type: [ReasonDto],
    description: 'The last decisions about the plan, the payments and the lock, the newest first, at most 100.',
  })
  readonly data!: ReasonDto[];
}
