import { PLANS, type Plan, type Terms } from '#domain/tenant/billing-events';
import { tokenClass } from '#platform/token-class';
import type { CataloguePlan, CatalogueVersion, Price } from './plan';
import { v1 } from './v1';

/** Every version of the catalogue from which a plan was sold, the present one last. */
const VERSIONS: readonly CatalogueVersion[] = [v1];

/** The ids of an installation's prices at Stripe, by the ids that the catalogue gives these prices. */
export type PriceIds = Readonly<Record<string, string>>;

export interface Offer {
  readonly plan: Plan;
  readonly version: number;
  readonly details: CataloguePlan;
}

const versionOf = (version: number): CatalogueVersion => {
  const found = VERSIONS.find((it) => it.version === version);
  if (!found) throw new Error(`the catalogue has no version ${version}`);
  return found;
};

const termsOf = (plan: Plan, { version, plans }: CatalogueVersion, seats: number | null): Terms => {
  const { limits, features, graceDays, suspendAfterDays } = plans[plan];
  const bought = seats !== null && limits.seats !== null ? { seats: Math.max(seats, limits.seats) } : {};
  return { plan, version, limits: { ...limits, ...bought }, features, graceDays, suspendAfterDays, agreed: false };
};

const PRESENT: CatalogueVersion = VERSIONS.at(-1) ?? v1;

/**
 * The terms of every new tenant. They stay those of version 1, because tenants that signed up under it have them, too.
 */
export const FOUNDING_TERMS: Terms = termsOf('free', v1, null);

/**
 * The plans that can be bought, and the plans that belong to prices of Stripe.
 * @param priceIds prices that are left out have the same id at Stripe as in the catalogue
 */
export const createCatalogue = (priceIds: PriceIds = {}) => {
  const stripeId = ({ id }: Price): string => priceIds[id] ?? id;
  const sold = VERSIONS.flatMap(({ version, plans }) =>
    PLANS.flatMap((plan) => {
      const { price, seatPrice } = plans[plan];
      return price ? [{ plan, version, price: stripeId(price), seat: seatPrice && stripeId(seatPrice) }] : [];
    }),
  );
  return {
    version: PRESENT.version,
    /** The plans on offer, the smallest first. */
    offers: PLANS.map((plan): Offer => ({ plan, version: PRESENT.version, details: PRESENT.plans[plan] })),
    /** The present terms of the plan `free`. */
    free: termsOf('free', PRESENT, null),
    /** @param seats total number; null: those that the plan includes @throws Error there is no such version */
    termsOf: (plan: Plan, seats: number | null, version = PRESENT.version): Terms =>
      termsOf(plan, versionOf(version), seats),
    detailsOf: (plan: Plan, version = PRESENT.version): CataloguePlan => versionOf(version).plans[plan],
    /** The prices of a plan and of a further seat at Stripe; undefined: the plan is not sold. */
    pricesOf: (plan: Plan, version = PRESENT.version) => sold.find((it) => it.plan === plan && it.version === version),
    /** The plan and the version to which one of these prices of Stripe belongs; undefined: none. */
    soldBy: (prices: readonly string[]) => sold.find(({ price }) => prices.includes(price)),
    /** The next larger plan, which a refusal suggests; null: there is none. */
    upgradeFrom: (plan: Plan): Plan | null => PLANS[PLANS.indexOf(plan) + 1] ?? null,
    /** All products and prices, in the form that the Stripe simulator expects. */
    products: VERSIONS.flatMap(({ plans }) =>
      PLANS.flatMap((plan) => {
        const { name, price, seatPrice } = plans[plan];
        const productOf = (it: Price | null, product: string) =>
          it ? [{ ...it, id: stripeId(it), product: { id: `prod_${stripeId(it)}`, name: product } }] : [];
        return [...productOf(price, name), ...productOf(seatPrice, `${name}: further seat`)];
      }),
    ),
  };
};

export abstract class Catalogue extends tokenClass<ReturnType<typeof createCatalogue>>() {}
