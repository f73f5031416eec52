import type { StripeGateway } from '#billing/stripe/stripe-gateway';
import type { SubscriptionItem } from '#billing/subscription-items';
import { uuidv5 } from '#platform/ids/uuid';
import { Problem } from '#platform/problems';
import { findTenant } from '#projections/tenants/queries';
import type { CheckoutDto } from '../billing.dto';
import type { BillingDeps, WithTenantLease } from '../billing-deps';
import { billingOf } from '../billing-view';
import { isRefusal } from '../stripe/stripe-refusals';
import type { StripeSync } from '../stripe/stripe-sync';

const paidFor = (): Problem =>
  new Problem('conflict', { detail: 'There is a subscription already. Change it with POST /v1/billing/change.' });

/** Buying the first time. */
export const createCheckouts = ({ calls, db, returning }: BillingDeps, { lookAndSee, lookAtCheckout }: StripeSync) => {
  const customerFor = async (
    gateway: StripeGateway,
    { tenantId, commandId, turn }: WithTenantLease,
  ): Promise<string> => {
    const known = await calls.customerOf(tenantId);
    if (known !== undefined) return known;
    const { name } = (await findTenant(db.tenant(tenantId))) ?? { name: tenantId };
    const call = { tenantId, callId: uuidv5(commandId, 'customer'), kind: 'customer', params: { name }, turn } as const;
    const { id } = await calls.once(
      call,
      async (key, params) => ({ id: await gateway.createCustomer(tenantId, params.name, key) }),
      isRefusal,
    );
    return calls.link(tenantId, id);
  };

  /**
   * Of several pages of a tenant only the last one can be paid.
   * @returns the page to send the owner to
   * @throws Problem where there is a subscription already @throws StripeRefused @throws StripeUnavailable
   */
  const open = async (
    gateway: StripeGateway,
    inTurn: WithTenantLease,
    { successUrl, cancelUrl }: CheckoutDto,
    items: readonly SubscriptionItem[],
  ): Promise<string> => {
    const { tenantId, commandId, turn } = inTurn;
    const hasOne = async (): Promise<boolean> => (await billingOf(db.tenant(tenantId))).subscriptionId !== null;
    // Anyone who comes from a page that they paid on, and goes to pay again, would pay twice.
    if (!(await hasOne())) await lookAtCheckout(tenantId);
    if (await hasOne()) throw paidFor();
    const customer = await customerFor(gateway, inTurn);
    // As browsers write it: what goes into a header has to be ASCII.
    const [success, cancel] = [new URL(successUrl).href, new URL(cancelUrl).href];
    const params = { customer, items, successUrl: returning.urlFor(tenantId, success), cancelUrl: cancel };
    const call = { tenantId, callId: commandId, kind: 'checkout', params, turn } as const;
    const { id, url } = await calls.once(call, (key, page) => gateway.createCheckout(page, key), isRefusal);
    turn.signal.throwIfAborted();
    await gateway.expireOthers(customer, id);
    // After that none of them can be paid any more: whatever was, is there to be seen.
    if (!(await gateway.hasSubscription(customer))) return url;
    await gateway.expire(id);
    await lookAndSee(tenantId);
    throw paidFor();
  };

  return { open };
};
