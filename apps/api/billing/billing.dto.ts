import { ApiProperty } from '@nestjs/swagger';
import type { BillingRow, InvoiceRow } from '../../../projections/billing/queries';
import { PageQuery } from '../http/contract/pages';
import { Choice, Integer, Timestamp, WebUrl } from '../http/validation/fields';

const MAX_SEATS = 10_000;
const SOLD = ['pro', 'enterprise'] as const;
const TARGETS = ['free', ...SOLD] as const;

export class CheckoutDto {
  @Choice(SOLD, { description: 'The plan to buy.' })
  plan!: (typeof SOLD)[number];

  @Integer({
    min: 1,
    max: MAX_SEATS,
    optional: true,
    description: 'Seats in all, at least those that the plan includes; those unless given.',
  })
  seats?: number;

  @WebUrl({ description: 'Where the owner returns to who has paid; of an allowed origin.' })
  successUrl!: string;

  @WebUrl({ description: 'Where the owner returns to who has not.' })
  cancelUrl!: string;
}

export class PortalDto {
  @WebUrl({ description: 'Where the owner returns to; of an allowed origin.' })
  returnUrl!: string;
}

export class RedirectDto {
  @ApiProperty({ format: 'uri', description: 'The page of Stripe to send the browser to.' })
  readonly url!: string;
}

export class ChangeDto {
  @Choice(TARGETS, { description: 'free: the subscription ends when what was paid for is over.' })
  plan!: (typeof TARGETS)[number];

  @Integer({
    min: 1,
    max: MAX_SEATS,
    optional: true,
    description: 'Seats in all, at least those that the plan includes; as many as were bought before unless given.',
  })
  seats?: number;

  @Timestamp({
    optional: true,
    description: '`at` of the preview: it costs exactly what was shown. Now, unless given.',
  })
  previewedAt?: string;
}

export class ChangeQuery {
  @Choice(['true', 'false'], {
    optional: true,
    description: 'true: only shows what it would cost, and what would stop fitting.',
  })
  preview?: 'true' | 'false';
}

export class MisfitDto {
  @ApiProperty({ example: 'projects' })
  readonly resource!: string;
  @ApiProperty({ example: 5 })
  readonly used!: number;
  @ApiProperty({ example: 3 })
  readonly limit!: number;
  @ApiProperty({
    type: [String],
    description: 'Of projects: those that turn read-only, the oldest first; 100 at most.',
  })
  readonly readOnly!: string[];
}

export class ChangePreviewDto {
  @ApiProperty({ example: 'pro' })
  readonly plan!: string;
  @ApiProperty({ type: Number, nullable: true, description: 'In all; null: any number, or as many as are free.' })
  readonly seats!: number | null;
  @ApiProperty({
    example: 3_100,
    description: 'Minor units that are charged now, with what is overdue.',
  })
  readonly dueNow!: number;
  @ApiProperty({ example: 0, description: 'The part of it that is owed from invoices before, and is paid first.' })
  readonly overdue!: number;
  @ApiProperty({
    example: 0,
    description: 'Minor units that later invoices are less: what is left of the period that is paid.',
  })
  readonly credited!: number;
  @ApiProperty({ example: 4_900, description: 'Minor units of each period from then on.' })
  readonly recurring!: number;
  @ApiProperty({ type: String, example: 'EUR', nullable: true })
  readonly currency!: string | null;
  @ApiProperty({ format: 'date-time', description: 'The moment that was calculated with; send it as `previewedAt`.' })
  readonly at!: string;
  @ApiProperty({ format: 'date-time', description: 'When it takes effect.' })
  readonly effectiveAt!: string;
  @ApiProperty({ type: [MisfitDto], description: 'What is in use beyond the new limits. Nothing of it is deleted.' })
  readonly misfits!: MisfitDto[];
}

const timeOf = (date: Date | null): string | null => date?.toISOString() ?? null;
const nullableTime = (description: string): PropertyDecorator =>
  ApiProperty({ type: String, format: 'date-time', nullable: true, description });

export class BillingDto {
  @ApiProperty({ example: 'pro' })
  readonly plan: string;
  @ApiProperty({ example: 1 })
  readonly planVersion: number;
  @ApiProperty({ type: Number, nullable: true })
  readonly seats: number | null;
  @ApiProperty({
    ...{ type: String, nullable: true, enum: ['trialing', 'active', 'past-due', 'unpaid', 'paused', null] },
    description: 'Of the subscription; null: there is none.',
  })
  readonly status: string | null;
  @nullableTime('When what was paid for is over.')
  readonly periodEnd: string | null;
  @nullableTime('When the trial ends.')
  readonly trialEnd: string | null;
  @ApiProperty({ enum: ['none', 'ok', 'failed'] })
  readonly payment: string;
  @nullableTime('Since when a payment is missing.')
  readonly failingSince: string | null;
  @ApiProperty({ enum: ['none', 'locked', 'suspended'] })
  readonly lock: string;
  @ApiProperty({ type: String, nullable: true, example: 'payment-failed' })
  readonly lockReason: string | null;
  @nullableTime('When writes were stopped.')
  readonly lockedSince: string | null;
  @nullableTime('When reads are stopped, too.')
  readonly suspendAt: string | null;
  @ApiProperty({
    ...{ type: 'object', nullable: true, additionalProperties: false },
    properties: { plan: { type: 'string' }, at: { type: 'string', format: 'date-time' } },
    description: 'What the plan will be, and when; null: it stays.',
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
  @ApiProperty({ example: 'in_1PqYQd' })
  readonly id: string;
  @ApiProperty({ type: String, nullable: true, example: 'A1B2-0001' })
  readonly number: string | null;
  @ApiProperty({
    enum: ['open', 'paid', 'void', 'uncollectible'],
    description: 'open: a payment failed; paid: nothing is open.',
  })
  readonly status: string;
  @ApiProperty({ example: 4_900, description: 'Minor units, of all its lines; below 0: a credit for later invoices.' })
  readonly amount: number;
  @ApiProperty({ example: 4_900, description: 'Minor units that there are to pay of it, after credits.' })
  readonly amountDue: number;
  @ApiProperty({ example: 4_900, description: 'Minor units that were charged.' })
  readonly amountPaid: number;
  @ApiProperty({ example: 'EUR' })
  readonly currency: string;
  @ApiProperty({ format: 'date-time' })
  readonly createdAt: string;
  @nullableTime('When its payment is tried next.')
  readonly nextAttemptAt: string | null;
  @ApiProperty({ type: String, format: 'uri', nullable: true, description: 'Stripe’s page of it.' })
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
  @ApiProperty({ type: [InvoiceDto] })
  readonly data!: InvoiceDto[];
  @ApiProperty({ type: String, nullable: true })
  readonly nextCursor!: string | null;
}

export class InvoicesQuery extends PageQuery {}

export class CauseDto {
  @ApiProperty({ enum: ['stripe', 'reconciliation', 'operator', 'system'] })
  readonly kind!: string;
  @ApiProperty({ type: String, nullable: true, example: 'evt_1PqYQd' })
  readonly event!: string | null;
  @ApiProperty({ type: String, nullable: true, example: 'invoice.paid' })
  readonly type!: string | null;
  @nullableTime('By Stripe’s clock.')
  readonly createdAt!: string | null;
  @nullableTime('When it reached us.')
  readonly receivedAt!: string | null;
}

export class ReasonDto {
  @ApiProperty({ example: '412', description: 'In the log.' })
  readonly position!: string;
  @ApiProperty({ format: 'date-time' })
  readonly at!: string;
  @ApiProperty({ type: CauseDto })
  readonly cause!: CauseDto;
  @ApiProperty({ example: 'WorkspaceUnlocked', description: 'What was decided.' })
  readonly decision!: string;
  @ApiProperty({ type: 'object', additionalProperties: true, description: 'What that changed.' })
  readonly effect!: Record<string, unknown>;
}

export class WhyDto {
  @ApiProperty({ example: 'pro' })
  readonly plan!: string;
  @ApiProperty({ enum: ['none', 'locked', 'suspended'] })
  readonly lock!: string;
  @ApiProperty({ type: [ReasonDto], description: 'The newest first.' })
  readonly data!: ReasonDto[];
}
