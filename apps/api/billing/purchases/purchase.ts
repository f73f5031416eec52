import type { SubscriptionItem } from '#billing/subscription-items';
import type { Plan } from '#domain/tenant/billing-events';
import type { Catalogue } from '#plans/catalogue/index';
import { Problem } from '#platform/problems';

/** The problem for an invalid field. @param pointer JSON pointer of the field @param message completes `<field> …` */
export const invalid = (pointer: string, message: string): Problem =>
  new Problem('validation-failed', { detail: `${pointer.slice(1)} ${message}.`, errors: [{ pointer, message }] });

interface PurchaseRequest {
  readonly plan: Plan;
  readonly seats?: number | undefined;
}

/** A purchase of a plan. */
export interface Purchase {
  /** The lines of the subscription at Stripe. */
  readonly items: readonly SubscriptionItem[];
  /** Total number; null: the plan does not limit seats or sells no extra seats. */
  readonly seats: number | null;
}

/** @throws Problem validation-failed: a number of seats is requested for a plan that sells no seats */
export const requireNoSeats = ({ seats }: PurchaseRequest): void => {
  if (seats !== undefined) throw invalid('/seats', 'must be omitted: this plan sells no extra seats');
};

/**
 * The purchase of a plan.
 * @param bought the present number of seats, which is kept if the plan sells seats and no other number is requested
 * @param version of the catalogue; the present one by default
 * @throws Problem validation-failed: the plan is not sold, or not with this number of seats
 */
export const purchaseOf = (
  catalogue: Catalogue,
  { plan, seats: requested }: PurchaseRequest,
  bought: number | null,
  version?: number,
): Purchase => {
  const prices = catalogue.pricesOf(plan, version);
  if (!prices) throw invalid('/plan', 'must be a plan that can be bought');
  const included = catalogue.detailsOf(plan, version).limits.seats;
  const base = { price: prices.price, quantity: 1 };
  if (prices.seat === null || included === null) {
    if (requested !== undefined) throw invalid('/seats', 'must be omitted: this plan does not limit seats');
    return { items: [base], seats: null };
  }
  if (requested !== undefined && requested < included)
    throw invalid('/seats', `must be at least ${included}, the number of seats that the plan includes`);
  const seats = Math.max(requested ?? bought ?? included, included);
  const further = seats - included;
  return { items: further > 0 ? [base, { price: prices.seat, quantity: further }] : [base], seats };
};
