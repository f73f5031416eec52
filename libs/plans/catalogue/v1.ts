import type { CatalogueVersion } from './plan';

const LOCKS = { graceDays: 0, suspendAfterDays: 14 };

/**
 * The first version. A version from which plans were sold is never edited: a change is a new version in a file of its
 * own.
 */
export const v1: CatalogueVersion = {
  version: 1,
  plans: {
    free: {
      name: 'Free',
      limits: {
        ...{ seats: 3, teams: 3, openInvitations: 10 },
        ...{ projects: 3, tasksPerProject: 100, apiCallsPerMonth: 10_000 },
      },
      features: [],
      ...LOCKS,
      price: null,
      seatPrice: null,
    },
    pro: {
      name: 'Pro',
      limits: {
        ...{ seats: 25, teams: 25, openInvitations: 100 },
        ...{ projects: 50, tasksPerProject: 5_000, apiCallsPerMonth: 500_000 },
      },
      features: ['invitation-domains'],
      ...LOCKS,
      price: { id: 'price_tenantry_pro_v1', amount: 4_900, currency: 'EUR', interval: 'month' },
      seatPrice: { id: 'price_tenantry_pro_seat_v1', amount: 500, currency: 'EUR', interval: 'month' },
    },
    enterprise: {
      name: 'Enterprise',
      limits: {
        ...{ seats: null, teams: null, openInvitations: null },
        ...{ projects: null, tasksPerProject: null, apiCallsPerMonth: null },
      },
      features: ['invitation-domains'],
      ...LOCKS,
      price: { id: 'price_tenantry_enterprise_v1', amount: 49_900, currency: 'EUR', interval: 'month' },
      seatPrice: null,
    },
  },
};
