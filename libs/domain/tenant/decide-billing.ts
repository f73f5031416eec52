import { TenantCommand } from '../command';
import { Refusal } from '../refusal';
import { isSameData } from '../same-data';
import type { BillingAccount } from './billing-account';
import { changesTo, standingChangesAt } from './billing-changes';
import type { Terms } from './billing-events';
import type { BillingFacts } from './billing-facts';
import type { TenantEvent } from './events';
import type { Tenant } from './evolve';

/** The account changed after it was read, so the facts from Stripe may be older than that change. */
class AccountChanged extends Error {
  override readonly name = 'AccountChanged';
}

/** Brings the tenant to the present state of its customer at Stripe. */
export class FollowStripe extends TenantCommand<{
  readonly facts: BillingFacts;
  /** The account that was read before Stripe was queried; undefined: the tenant was not open at that time. */
  readonly seen: BillingAccount | undefined;
}> {}

/**
 * Adds events only for the differences between the tenant and the facts from Stripe. Therefore webhooks in any order
 * and any number lead to the same state, as long as Stripe reports the same state. A closed tenant does not change.
 * @param expectedAccount the account that was read before Stripe was queried; undefined: any account
 * @throws AccountChanged the tenant has another account by now
 */
export const followStripe = (facts: BillingFacts, tenant: Tenant, expectedAccount?: BillingAccount): TenantEvent[] => {
  if (tenant.status !== 'open') return [];
  if (expectedAccount && !isSameData(expectedAccount, tenant.account))
    throw new AccountChanged('The subscription changed while the server waited for Stripe. Try again.');
  const events = changesTo(tenant.account, facts);
  if (!facts.reconciling || events.length === 0) return events;
  return [{ type: 'BillingDriftRepaired', data: { facts: events.map(({ type }) => type) } }, ...events];
};

/** Locks or suspends the tenant if the time for it has come. */
export class AdvanceStanding extends TenantCommand<{ /** RFC 3339: the present time. */ readonly at: string }> {}

/** Returns the events that lock or suspend an open tenant at this time. For a closed tenant there are none. */
export const advanceStanding = ({ at }: { readonly at: string }, tenant: Tenant): TenantEvent[] =>
  tenant.status === 'open' ? standingChangesAt(tenant.account, at) : [];

/** An operator ends the terms that were agreed with the tenant. */
export class ReleaseTerms extends TenantCommand<{ readonly free: Terms }> {}

/**
 * The tenant has the free plan until its customer is next compared with Stripe; then it has the plan that it has
 * bought. A tenant without agreed terms does not change.
 * @throws Refusal not-found if the tenant is not open
 */
export const releaseTerms = ({ free }: { readonly free: Terms }, tenant: Tenant): TenantEvent[] => {
  if (tenant.status !== 'open') throw new Refusal('not-found', 'There is no such tenant.');
  if (!tenant.account.terms?.agreed) return [];
  return [{ type: 'PlanChanged', data: { terms: free, reason: 'released' } }];
};

/** An operator agrees terms outside the catalogue with one tenant. */
export class AgreeTerms extends TenantCommand<{ readonly terms: Terms }> {}

/** Adds no event if the tenant already has these terms. @throws Refusal not-found if the tenant is not open */
export const agreeTerms = ({ terms }: { readonly terms: Terms }, tenant: Tenant): TenantEvent[] => {
  if (tenant.status !== 'open') throw new Refusal('not-found', 'There is no such tenant.');
  if (isSameData(tenant.account.terms ?? {}, terms)) return [];
  return [{ type: 'PlanChanged', data: { terms, reason: 'agreed' } }];
};
