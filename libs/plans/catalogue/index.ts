import { PLANS, type Plan, type Terms } from '#domain/tenant/billing-events';
import { tokenClass } from '#platform/token-class';
import type { CataloguePlan, CatalogueVersion, Price } from './plan';
import { v1 } from './v1';

/** Every version that was ever sold from, the present one last. */
const VERSIONS: readonly CatalogueVersion[] = [v1];

/** Stripe's price ids of an installation, in place of those that the catalogue names. */
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
  const more = seats !== null && limits.seats !== null ? { seats: Math.max(seats, limits.seats) } : {};
  return { plan, version, limits: { ...limits, ...more }, features, graceDays, suspendAfterDays, agreed: false };
};

const PRESENT: CatalogueVersion = VERSIONS.at(-1) ?? v1;

/** What every tenant begins with; the version of those that signed up before there was another. */
export const FOUNDING_TERMS: Terms = termsOf('free', v1, null);

/**
 * What can be bought, and what was bought by which of Stripe's prices.
 * @param priceIds by the catalogue's own id of a price
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
    /** What is offered now, the smallest first. */
    offers: PLANS.map((plan): Offer => ({ plan, version: PRESENT.version, details: PRESENT.plans[plan] })),
    free: termsOf('free', PRESENT, null),
    termsOf: (plan: Plan, seats: number | null, version = PRESENT.version): Terms =>
      termsOf(plan, versionOf(version), seats),
    detailsOf: (plan: Plan, version = PRESENT.version): CataloguePlan => versionOf(version).plans[plan],
    /** Stripe's price of the plan, and of a further seat. */
    pricesOf: (plan: Plan, version = PRESENT.version) => sold.find((it) => it.plan === plan && it.version === version),
    /** Which plan of which version has one of these prices of Stripe's. */
    soldBy: (prices: readonly string[]) => sold.find(({ price }) => prices.includes(price)),
    /** The next larger plan that gives more, for those who are refused; null: there is none. */
    upgradeFrom: (plan: Plan): Plan | null => PLANS[PLANS.indexOf(plan) + 1] ?? null,
    /** In the form that the Stripe simulator takes. */
    products: VERSIONS.flatMap(({ plans }) =>
      PLANS.flatMap((plan) => {
        const { name, price, seatPrice } = plans[plan];
        const one = (it: Price | null, product: string) =>
          it ? [{ ...it, id: stripeId(it), product: { id: `prod_${stripeId(it)}`, name: product } }] : [];
        return [...one(price, name), ...one(seatPrice, `${name}: further seat`)];
      }),
    ),
  };
};

export abstract class Catalogue extends tokenClass<ReturnType<typeof createCatalogue>>() {}
