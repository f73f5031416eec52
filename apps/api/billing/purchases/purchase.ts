import type { SubscriptionItem } from '#billing/subscription-items';
import type { Plan } from '#domain/tenant/billing-events';
import type { Catalogue } from '#plans/catalogue/index';
import { Problem } from '#platform/problems';

export const invalid = (pointer: string, message: string): Problem =>
  new Problem('validation-failed', { detail: `${pointer.slice(1)} ${message}.`, errors: [{ pointer, message }] });

interface Wanted {
  readonly plan: Plan;
  readonly seats?: number | undefined;
}

/** What is bought, and the lines of the subscription to it. */
export interface Purchase {
  readonly items: readonly SubscriptionItem[];
  /** In all; null: the plan sells none one by one. */
  readonly seats: number | null;
}

/** @throws Problem where seats are asked for of a plan that sells none */
export const requireNoSeats = ({ seats }: Wanted): void => {
  if (seats !== undefined) throw invalid('/seats', 'must be omitted: this plan sells no extra seats');
};

/**
 * What somebody buys.
 * @param bought seats that they have: those stay unless others are asked for, where the plan sells seats
 * @param version of the catalogue; the present one by default
 * @throws Problem where the plan is not sold, or not with so many seats
 */
export const purchaseOf = (
  catalogue: Catalogue,
  { plan, seats: wanted }: Wanted,
  bought: number | null,
  version?: number,
): Purchase => {
  const prices = catalogue.pricesOf(plan, version);
  if (!prices) throw invalid('/plan', 'must be a plan that can be bought');
  const included = catalogue.detailsOf(plan, version).limits.seats;
  const base = { price: prices.price, quantity: 1 };
  if (prices.seat === null || included === null) {
    if (wanted !== undefined) throw invalid('/seats', 'must be omitted: this plan does not limit seats');
    return { items: [base], seats: null };
  }
  if (wanted !== undefined && wanted < included)
    throw invalid('/seats', `must be at least ${included}, the number of seats that the plan includes`);
  const seats = Math.max(wanted ?? bought ?? included, included);
  const further = seats - included;
  return { items: further > 0 ? [base, { price: prices.seat, quantity: further }] : [base], seats };
};
