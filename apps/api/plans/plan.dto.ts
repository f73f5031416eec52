import { ApiProperty } from '@nestjs/swagger';
import { FEATURES, type PlanLimits } from '../../../libs/domain/limits';
import type { Offer } from '../../../libs/plans/catalogue';
import type { Price } from '../../../libs/plans/catalogue/plan';

const limit = (description: string): PropertyDecorator =>
  ApiProperty({ type: Number, nullable: true, description: `${description} Null: as many as wanted.` });

export class LimitsDto implements PlanLimits {
  @limit('People who belong to the company.')
  readonly seats!: number | null;
  @limit('Teams.')
  readonly teams!: number | null;
  @limit('Invitations that can still be used.')
  readonly openInvitations!: number | null;
  @limit('Projects that are not archived.')
  readonly projects!: number | null;
  @limit('Tasks in one project.')
  readonly tasksPerProject!: number | null;
  @limit('Requests in a calendar month (UTC).')
  readonly apiCallsPerMonth!: number | null;
}

export class PriceDto {
  @ApiProperty({ example: 4_900, description: 'Minor units.' })
  readonly amount!: number;
  @ApiProperty({ example: 'EUR', description: 'ISO 4217' })
  readonly currency!: string;
  @ApiProperty({ enum: ['month', 'year'] })
  readonly interval!: string;
}

const priceOf = (price: Price | null): PriceDto | null =>
  price && { amount: price.amount, currency: price.currency, interval: price.interval };

export class PlanDto {
  @ApiProperty({ enum: ['free', 'pro', 'enterprise'] })
  readonly plan: string;
  @ApiProperty({ example: 'Pro' })
  readonly name: string;
  @ApiProperty({ example: 1, description: 'Of the catalogue; a subscriber keeps the one that was bought.' })
  readonly version: number;
  @ApiProperty({ type: PriceDto, nullable: true, description: 'Null: nothing to pay.' })
  readonly price: PriceDto | null;
  @ApiProperty({
    type: PriceDto,
    nullable: true,
    description: 'Of each seat beyond `limits.seats`; null: none is sold.',
  })
  readonly seatPrice: PriceDto | null;
  @ApiProperty({ type: LimitsDto })
  readonly limits: LimitsDto;
  @ApiProperty({ enum: FEATURES, isArray: true })
  readonly features: readonly string[];
  @ApiProperty({ example: 0, description: 'Days from a failed payment until writes are stopped.' })
  readonly graceDays: number;
  @ApiProperty({ example: 14, description: 'Days from then until reads are stopped, too.' })
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
  @ApiProperty({ type: [PlanDto] })
  readonly data!: PlanDto[];
}

export const RESOURCES = ['seats', 'teams', 'openInvitations', 'projects', 'tasksPerProject', 'apiCalls'] as const;

export class UsedDto {
  @ApiProperty({ enum: RESOURCES })
  readonly resource!: (typeof RESOURCES)[number];
  @ApiProperty({ example: 2, description: 'Of tasks: in the project that has most.' })
  readonly used!: number;
  @limit('What the plan allows.')
  readonly limit!: number | null;
  @ApiProperty({ type: String, nullable: true, enum: ['month', null], description: 'In which it is counted anew.' })
  readonly period!: 'month' | null;
  @ApiProperty({ type: String, format: 'date-time', nullable: true, description: 'When the period ends.' })
  readonly periodEnd!: string | null;
  @ApiProperty({
    ...{ type: String, format: 'date-time', nullable: true },
    description:
      'When it will be used up if it goes on as in this period so far, or since the company began; null: not in this period, or that was less than an hour ago.',
  })
  readonly projectedExhaustion!: string | null;
}

export class UsageDto {
  @ApiProperty({ example: 'free' })
  readonly plan!: string;
  @ApiProperty({ type: [UsedDto] })
  readonly data!: UsedDto[];
}
