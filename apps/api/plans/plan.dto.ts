import { ApiProperty } from '@nestjs/swagger';
import { FEATURES, type PlanLimits } from '#domain/limits';
import type { Offer } from '#plans/catalogue/index';
import type { Price } from '#plans/catalogue/plan';

const limit = (description: string): PropertyDecorator =>
  ApiProperty({ type: Number, nullable: true, description: `${description} \`null\`: no limit.` });

export class LimitsDto implements PlanLimits {
  @limit('Members of the tenant.')
  readonly seats!: number | null;
  @limit('Teams of the tenant.')
  readonly teams!: number | null;
  @limit('Invitations that can still be used (open invitations).')
  readonly openInvitations!: number | null;
  @limit('Projects that are not archived.')
  readonly projects!: number | null;
  @limit('Tasks in one project.')
  readonly tasksPerProject!: number | null;
  @limit('API requests of all members together in a calendar month (UTC).')
  readonly apiCallsPerMonth!: number | null;
}

export class PriceDto {
  @ApiProperty({ example: 4_900, description: 'Amount in the smallest unit of `currency`: 4900 is 49.00 EUR.' })
  readonly amount!: number;
  @ApiProperty({ example: 'EUR', description: 'Currency of the amount, as an ISO 4217 code.' })
  readonly currency!: string;
  @ApiProperty({
    enum: ['month', 'year'],
    description: 'Period for which the amount is charged: once a `month` or once a `year`.',
  })
  readonly interval!: string;
}

const priceOf = (price: Price | null): PriceDto | null =>
  price && { amount: price.amount, currency: price.currency, interval: price.interval };

export class PlanDto {
  @ApiProperty({
    enum: ['free', 'pro', 'enterprise'],
    description: 'Id of the plan. Other routes accept and return it as `plan`.',
  })
  readonly plan: string;
  @ApiProperty({ example: 'Pro', description: 'Name of the plan, to show to users.' })
  readonly name: string;
  @ApiProperty({ example: 1, description: 'Version of the plan, from 1. A tenant keeps the version that it bought.' })
  readonly version: number;
  @ApiProperty({
    type: PriceDto,
    nullable: true,
    description: 'Price of the plan with its included seats. `null`: the plan is free of charge.',
  })
  readonly price: PriceDto | null;
  @ApiProperty({
    type: PriceDto,
    nullable: true,
    description: 'Price of each seat beyond `limits.seats`. `null`: no extra seats are sold.',
  })
  readonly seatPrice: PriceDto | null;
  @ApiProperty({ type: LimitsDto, description: 'The highest number of each resource that the plan allows.' })
  readonly limits: LimitsDto;
  @ApiProperty({
    ...{ enum: FEATURES, isArray: true },
    description:
      'Functions that the plan includes. `invitation-domains`: an invitation can be limited to e-mail domains.',
  })
  readonly features: readonly string[];
  @ApiProperty({
    example: 0,
    description: 'Days from a failed payment until writes are blocked. 0: they are blocked at once.',
  })
  readonly graceDays: number;
  @ApiProperty({
    example: 14,
    description: 'Days from the time when writes were blocked until reads are blocked as well.',
  })
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
  @ApiProperty({ type: [PlanDto], description: 'The plans on sale, from the smallest to the largest.' })
  readonly data!: PlanDto[];
}

export const RESOURCES = ['seats', 'teams', 'openInvitations', 'projects', 'tasksPerProject', 'apiCalls'] as const;

export class UsedDto {
  @ApiProperty({
    enum: RESOURCES,
    description: 'The limited resource. `seats`: members. `apiCalls`: API requests in a calendar month (UTC).',
  })
  readonly resource!: (typeof RESOURCES)[number];
  @ApiProperty({
    example: 2,
    description:
      'Present number in use. For `tasksPerProject`: tasks in the project with the most tasks. For `apiCalls`: requests in the present period.',
  })
  readonly used!: number;
  @limit('Highest number that the plan allows.')
  readonly limit!: number | null;
  @ApiProperty({
    type: String,
    nullable: true,
    enum: ['month', null],
    description: 'Period after which the count starts again at 0. `null`: the count is never reset.',
  })
  readonly period!: 'month' | null;
  @ApiProperty({
    ...{ type: String, format: 'date-time', nullable: true },
    description: 'When the present period ends and the next begins (UTC). `null`: `period` is `null`.',
  })
  readonly periodEnd!: string | null;
  @ApiProperty({
    ...{ type: String, format: 'date-time', nullable: true },
    description:
      'When the limit of `apiCalls` will be reached (UTC) if use continues at the average rate of this period; the present time if it is reached already. The rate is measured from the start of the period, or from the creation of the tenant if that is later. `null`: the limit will not be reached in this period; or there is no limit or no use; or the rate has been measured for less than one hour; or `period` is `null`.',
  })
  readonly projectedExhaustion!: string | null;
}

export class UsageDto {
  @ApiProperty({ example: 'free', description: 'Id of the present plan, as in `GET /v1/plans`.' })
  readonly plan!: string;
  @ApiProperty({ type: [UsedDto], description: 'One entry for each limited resource.' })
  readonly data!: UsedDto[];
}
