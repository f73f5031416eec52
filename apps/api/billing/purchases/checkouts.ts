import type { StripeGateway } from '#billing/stripe/stripe-gateway';
import type { SubscriptionItem } from '#billing/subscription-items';
import { uuidv5 } from '#platform/ids/uuid';
import { Problem } from '#platform/problems';
import { findTenant } from '#projections/tenants/queries';
import type { BillingDeps, LeasedCommand } from '../billing-deps';
import { billingOf } from '../billing-view';
import type { CheckoutDto } from '../purchases.dto';
import { isRefusal } from '../stripe/stripe-refusals';
import type { StripeSync } from '../stripe/stripe-sync';

const alreadySubscribed = (): Problem =>
  new Problem('conflict', { detail: 'There is a subscription already. Change it with POST /v1/billing/change.' });

/** Purchases of tenants that have no subscription. */
export const createCheckouts = (
  { outbox, db, returnLink }: BillingDeps,
  { syncNow, syncAfterCheckout }: StripeSync,
) => {
  /**
   * The tenant's customer at Stripe, which is created if there is none.
   * @throws StripeRefused
   * @throws StripeUnavailable
   */
  const customerFor = async (
    gateway: StripeGateway,
    { tenantId, commandId, lease }: LeasedCommand,
  ): Promise<string> => {
    const present = await outbox.customerOf(tenantId);
    if (present !== undefined) return present;
    const { name } = (await findTenant(db.tenant(tenantId))) ?? { name: tenantId };
    const call = {
      tenantId,
      callId: uuidv5(commandId, 'customer'),
      kind: 'customer',
      params: { name },
      lease,
    } as const;
    const { id } = await outbox.sendOnce(
      call,
      async (key, params) => ({ id: await gateway.createCustomer(tenantId, params.name, key) }),
      isRefusal,
    );
    return outbox.link(tenantId, id);
  };

  /**
   * Creates a checkout page. Earlier checkout pages of the tenant are closed, so that the tenant cannot pay twice.
   * @returns the URL to send the owner to
   * @throws Problem conflict: there is a subscription already @throws StripeRefused @throws StripeUnavailable
   * @throws LeaseLost another process has the lease of the tenant
   */
  const open = async (
    gateway: StripeGateway,
    command: LeasedCommand,
    { successUrl, cancelUrl }: CheckoutDto,
    items: readonly SubscriptionItem[],
  ): Promise<string> => {
    const { tenantId, commandId, lease } = command;
    const hasSubscription = async (): Promise<boolean> =>
      (await billingOf(db.tenant(tenantId))).subscriptionId !== null;
    // An earlier checkout page may have been paid just now: another purchase would be a second payment.
    if (!(await hasSubscription())) await syncAfterCheckout(tenantId);
    if (await hasSubscription()) throw alreadySubscribed();
    const customer = await customerFor(gateway, command);
    // `href` encodes the URL as ASCII, which a header requires.
    const [success, cancel] = [new URL(successUrl).href, new URL(cancelUrl).href];
    const params = { customer, items, successUrl: returnLink.urlFor(tenantId, success), cancelUrl: cancel };
    const call = { tenantId, callId: commandId, kind: 'checkout', params, lease } as const;
    const { id, url } = await outbox.sendOnce(call, (key, page) => gateway.createCheckout(page, key), isRefusal);
    lease.signal.throwIfAborted();
    await gateway.expireOthers(customer, id);
    // No earlier page can be paid any more. If one was paid, Stripe already reports its subscription.
    if (!(await gateway.hasSubscription(customer))) return url;
    await gateway.expire(id);
    await syncNow(tenantId);
    throw alreadySubscribed();
  };

  return { open };
};
