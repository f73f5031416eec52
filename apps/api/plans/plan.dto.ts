import { ApiProperty } from '@nestjs/swagger';
import { FEATURES, type PlanLimits } from '#domain/limits';
import type { Offer } from '#plans/catalogue/index';
import type { Price } from '#plans/catalogue/plan';

const limit = (description: string): PropertyDecorator =>
  ApiProperty({ type: Number, nullable: true, description: `${description} \`null\`: no limit.` });

export class LimitsDto implements PlanLimits {
  @limit('Members of the tenant.')
  readonly seats!: number | null;
  @limit('Teams.')
  readonly teams!: number | null;
  @limit('Invitations that can still be used (open invitations).')
  readonly openInvitations!: number | null;
  @limit('Projects, without archived ones.')
  readonly projects!: number | null;
  @limit('Tasks in one project.')
  readonly tasksPerProject!: number | null;
  @limit('API requests in a calendar month (UTC).')
  readonly apiCallsPerMonth!: number | null;
}

export class PriceDto {
  @ApiProperty({ example: 4_900, description: 'Amount in minor units (cents).' })
  readonly amount!: number;
  @ApiProperty({ example: 'EUR', description: 'ISO 4217' })
  readonly currency!: string;
  @ApiProperty({ enum: ['month', 'year'], description: 'How often the amount is charged.' })
  readonly interval!: string;
}

const priceOf = (price: Price | null): PriceDto | null =>
  price && { amount: price.amount, currency: price.currency, interval: price.interval };

export class PlanDto {
  @ApiProperty({ enum: ['free', 'pro', 'enterprise'], description: 'Id of the plan, as other routes use it.' })
  readonly plan: string;
  @ApiProperty({ example: 'Pro', description: 'Name of the plan for users.' })
  readonly name: string;
  @ApiProperty({ example: 1, description: 'Version of the plan. A tenant keeps the version that it bought.' })
  readonly version: number;
  @ApiProperty({ type: PriceDto, nullable: true, description: '`null`: the plan is free of charge.' })
  readonly price: PriceDto | null;
  @ApiProperty({
    type: PriceDto,
    nullable: true,
    description: 'Price of each seat beyond `limits.seats`. `null`: no further seats are sold.',
  })
  readonly seatPrice: PriceDto | null;
  @ApiProperty({ type: LimitsDto, description: 'The highest number of each resource that the plan allows.' })
  readonly limits: LimitsDto;
  @ApiProperty({
    ...{ enum: FEATURES, isArray: true },
    description: 'Functions that the plan includes. `invitation-domains`: limit an invitation to e-mail domains.',
  })
  readonly features: readonly string[];
  @ApiProperty({ example: 0, description: 'Days from a failed payment until writes are blocked.' })
  readonly graceDays: number;
  @ApiProperty({ example: 14, description: 'Days from the block of writes until reads are blocked as well.' })
  readonly suspendAfterDays: number;

  constructor({ plan, version, details }: Offer) {
    const { name, price, seatPrice, limits, features, graceDays, suspendAfterDays } = details;
    this.plan = plan;
    this.name = name;
    this.version = version;
    this.price = priceOf(price);
    this.seatPrice = priceOf(seatPrice);
    this.limits = limits;
    this.features = features;
    this.graceDays = graceDays;
    this.suspendAfterDays = suspendAfterDays;
  }
}

export class PlansDto {
  @ApiProperty({ type: [PlanDto], description: 'The plans on sale, cheapest first.' })
  readonly data!: PlanDto[];
}

export const RESOURCES = ['seats', 'teams', 'openInvitations', 'projects', 'tasksPerProject', 'apiCalls'] as const;

export class UsedDto {
  @ApiProperty({
    enum: RESOURCES,
    description: 'The limited resource. `seats`: members. `apiCalls`: API requests in a calendar month (UTC).',
  })
  readonly resource!: (typeof RESOURCES)[number];
  @ApiProperty({ example: 2, description: 'Present use. For `tasksPerProject`: tasks in the largest project.' })
  readonly used!: number;
  @limit('What the plan allows.')
  readonly limit!: number | null;
  @ApiProperty({
    type: String,
    nullable: true,
    enum: ['month', null],
    description: 'Period after which the count starts again at 0. `null`: the count is never reset.',
  })
  readonly period!: 'month' | null;
  @ApiProperty({ type: String, format: 'date-time', nullable: true, description: 'When the period ends.' })
  readonly periodEnd!: string | null;
  @ApiProperty({
    ...{ type: String, format: 'date-time', nullable: true },
    description:
      'When the limit will be reached if use continues at the rate since the period began, or since the tenant was created if that is later. `null`: not within this period, or the rate is not known yet because that time is less than one hour ago.',
  })
  readonly projectedExhaustion!: string | null;
}

export class UsageDto {
  @ApiProperty({ example: 'free', description: 'Id of the present plan, as in `GET /v1/plans`.' })
  readonly plan!: string;
  @ApiProperty({ type: [UsedDto], description: 'One entry for each limited resource.' })
  readonly data!: UsedDto[];
}
