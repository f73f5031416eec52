import { ApiProperty } from '@nestjs/swagger';
import type { BillingRow, InvoiceRow } from '#projections/billing/queries';
import { PageQuery } from '../http/contract/pages';
import { MINOR_UNITS, nullableTime, timeOf } from './billing-fields';

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
