import type { StripeGateway } from '#billing/stripe/stripe-gateway';
import { Problem } from '#platform/problems';
import { tokenClass } from '#platform/token-class';
import type { BillingRow } from '#projections/billing/queries';
import type { BillingDeps } from './billing-deps';
import { billingOf } from './billing-view';
import { type Changed, createChanges } from './purchases/changes';
import { createCheckouts } from './purchases/checkouts';
import { invalid, purchaseOf } from './purchases/purchase';
import type { ChangeDto, ChangePreviewDto, CheckoutDto } from './purchases.dto';
import { isRefusal, refuse } from './stripe/stripe-refusals';
import { createStripeSync } from './stripe/stripe-sync';
import { withTenantLease } from './stripe/with-tenant-lease';

/**
 * Purchases, changes and ends of subscriptions. A request goes to Stripe first, and then the state that Stripe reports
 * is applied to the tenant.
 */
export const createBillingService = (deps: BillingDeps) => {
  const { outbox, catalogue, db, returnLink, returnOrigins, wakeUp, leases } = deps;
  const sync = createStripeSync(deps);
  const checkouts = createCheckouts(deps, sync);
  const changes = createChanges(deps, sync);

  const requireGateway = (): StripeGateway => {
    if (deps.gateway) return deps.gateway;
    const detail =
      'Stripe is not configured on this server, so nothing can be bought. Ask the operator to set STRIPE_SECRET_KEY.';
    throw new Problem('dependency-unavailable', { detail, retryAfter: 3_600 });
  };

  const requireAllowed = (url: string, pointer: string): void => {
    const allowed = returnOrigins();
    if (allowed.includes(new URL(url).origin)) return;
    throw invalid(pointer, `must have an allowed origin: ${allowed.join(', ')}`);
  };

  return {
    /** The billing of a tenant. After a checkout it includes the result, even if no webhook has arrived yet. */
    get: async (tenantId: string): Promise<BillingRow> => {
      const scoped = db.tenant(tenantId);
      const row = await billingOf(scoped);
      if (row.status !== null || !deps.gateway) return row;
      await sync.syncAfterCheckout(tenantId);
      return billingOf(scoped);
    },

    /**
     * Creates a checkout page. Earlier checkout pages of the tenant are closed.
     * @returns the URL to send the owner to
     */
    checkout: async (tenantId: string, commandId: string, checkout: CheckoutDto): Promise<string> => {
      const gateway = requireGateway();
      requireAllowed(checkout.successUrl, '/successUrl');
      requireAllowed(checkout.cancelUrl, '/cancelUrl');
      const { items } = purchaseOf(catalogue, checkout, null);
      return withTenantLease(leases, tenantId, (lease) =>
        checkouts.open(gateway, { tenantId, commandId, lease }, checkout, items),
      ).catch(refuse);
    },

    /** Creates a page of Stripe's customer portal, for cards and invoices. @returns the URL to send the owner to */
    portal: async (tenantId: string, commandId: string, returnUrl: string): Promise<string> => {
      const gateway = requireGateway();
      requireAllowed(returnUrl, '/returnUrl');
      const customer = await outbox.customerOf(tenantId);
      if (!customer)
        throw new Problem('conflict', {
          detail: 'There is no subscription yet. Buy a plan first: POST /v1/billing/checkout.',
        });
      const params = { customer, back: returnLink.urlFor(tenantId, new URL(returnUrl).href) };
      const call = { tenantId, callId: commandId, kind: 'portal', params } as const;
      const open = async (key: string, { back }: typeof params) => ({
        url: await gateway.createPortal(customer, back, key),
      });
      return (await outbox.sendOnce(call, open, isRefusal).catch(refuse)).url;
    },

    /**
     * The cost of a change, now and later, and the resources whose use would exceed the new limits. Nothing changes.
     */
    preview: async (tenantId: string, change: ChangeDto): Promise<ChangePreviewDto> =>
      changes.preview(requireGateway(), tenantId, change).catch(refuse),

    /** Changes the subscription at Stripe and applies the new state to the tenant. */
    change: async (tenantId: string, commandId: string, change: ChangeDto): Promise<Changed> => {
      const gateway = requireGateway();
      return withTenantLease(leases, tenantId, (lease) =>
        changes.make(gateway, { tenantId, commandId, lease }, change),
      );
    },

    /**
     * Must be called after a tenant was closed: a worker ends its subscriptions. Never rejects; if the request fails,
     * the next reconciliation ends them.
     */
    closed: async (tenantId: string): Promise<void> => {
      if (!deps.gateway) return;
      await outbox.requestSync(tenantId).then(wakeUp, () => undefined);
    },

    /**
     * Applies the state at Stripe to the tenant of a return link, for a browser that comes back from a page of Stripe.
     * @param token of the link
     * @returns the URL of the application to redirect to; undefined: the link is not valid or has expired
     */
    returnFromStripe: async (token: string): Promise<string | undefined> => {
      const link = returnLink.open(token);
      if (!link) return undefined;
      // The browser is redirected even if this fails.
      await sync.syncNow(link.tenantId).catch(() => undefined);
      return link.url;
    },
  };
};

export abstract class BillingService extends tokenClass<ReturnType<typeof createBillingService>>() {}
