import type { Feature, PlanLimits } from '#domain/limits';
import type { Plan } from '#domain/tenant/billing-events';

export interface Price {
  /** The id at Stripe, unless the installation configures another one. */
  readonly id: string;
  /** Minor units. */
  readonly amount: number;
  /** ISO 4217, upper case. */
  readonly currency: string;
  readonly interval: 'month' | 'year';
}

export interface CataloguePlan {
  readonly name: string;
  /** The limits of the plan; `seats` is the number that its price includes. */
  readonly limits: PlanLimits;
  readonly features: readonly Feature[];
  /** Days from a failed payment to the lock. */
  readonly graceDays: number;
  /** Days from the lock until reads are blocked, too. */
  readonly suspendAfterDays: number;
  /** Null: the plan is free of charge. */
  readonly price: Price | null;
  /** The price of a seat beyond the included ones; null: no further seats are sold. */
  readonly seatPrice: Price | null;
}

export interface CatalogueVersion {
  /** From 1. */
  readonly version: number;
  readonly plans: Readonly<Record<Plan, CataloguePlan>>;
}
