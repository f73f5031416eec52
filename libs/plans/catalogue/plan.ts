import type { Feature, PlanLimits } from '#domain/limits';
import type { Plan } from '#domain/tenant/billing-events';

export interface Price {
  /** Stripe's. */
  readonly id: string;
  /** Minor units. */
  readonly amount: number;
  /** ISO 4217, upper case. */
  readonly currency: string;
  readonly interval: 'month' | 'year';
}

export interface CataloguePlan {
  readonly name: string;
  /** What it gives; `seats` are those that its price includes. */
  readonly limits: PlanLimits;
  readonly features: readonly Feature[];
  /** Days from a failed payment to the lock. */
  readonly graceDays: number;
  /** Days from the lock until reads are stopped, too. */
  readonly suspendAfterDays: number;
  /** Null: nothing to pay. */
  readonly price: Price | null;
  /** Of a seat beyond those that are included; null: none can be bought. */
  readonly seatPrice: Price | null;
}

export interface CatalogueVersion {
  /** From 1. */
  readonly version: number;
  readonly plans: Readonly<Record<Plan, CataloguePlan>>;
}
