import type { StripeGateway } from '#billing/stripe/stripe-gateway';
import { Problem } from '#platform/problems';
import { tokenClass } from '#platform/token-class';
import type { BillingRow } from '#projections/billing/queries';
import type { ChangeDto, ChangePreviewDto, CheckoutDto } from './billing.dto';
import type { BillingDeps } from './billing-deps';
import { billingOf } from './billing-view';
import { type Changed, createChanges } from './purchases/changes';
import { createCheckouts } from './purchases/checkouts';
import { invalid, purchaseOf } from './purchases/purchase';
import { isRefusal, refuse } from './stripe/stripe-refusals';
import { createStripeSync } from './stripe/stripe-sync';
import { withTenantLease } from './stripe/with-tenant-lease';

/** Buying, changing and ending: Stripe is asked, and what it then has is made so here. */
export const createBillingService = (parts: BillingDeps) => {
  const { calls, catalogue, db, returning, returnOrigins, nudge, turns } = parts;
  const looking = createStripeSync(parts);
  const checkouts = createCheckouts(parts, looking);
  const changes = createChanges(parts, looking);

  const requireGateway = (): StripeGateway => {
    if (parts.gateway) return parts.gateway;
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
    /** Who has gone to pay is shown what came of it, whether or not a webhook has told it yet. */
    get: async (tenantId: string): Promise<BillingRow> => {
      const scoped = db.tenant(tenantId);
      const row = await billingOf(scoped);
      if (row.status !== null || !parts.gateway) return row;
      await looking.lookAtCheckout(tenantId);
      return billingOf(scoped);
    },

    /** Of several pages of a tenant only the last one can be paid. @returns the page to send the owner to */
    checkout: async (tenantId: string, commandId: string, wanted: CheckoutDto): Promise<string> => {
      const gateway = requireGateway();
      requireAllowed(wanted.successUrl, '/successUrl');
      requireAllowed(wanted.cancelUrl, '/cancelUrl');
      const { items } = purchaseOf(catalogue, wanted, null);
      return withTenantLease(turns, tenantId, (turn) =>
        checkouts.open(gateway, { tenantId, commandId, turn }, wanted, items),
      ).catch(refuse);
    },

    /** Cards and invoices, on a page of Stripe's. @returns the page to send the owner to */
    portal: async (tenantId: string, commandId: string, returnUrl: string): Promise<string> => {
      const gateway = requireGateway();
      requireAllowed(returnUrl, '/returnUrl');
      const customer = await calls.customerOf(tenantId);
      if (!customer)
        throw new Problem('conflict', {
          detail: 'There is no subscription yet. Buy a plan first: POST /v1/billing/checkout.',
        });
      const params = { customer, back: returning.urlFor(tenantId, new URL(returnUrl).href) };
      const call = { tenantId, callId: commandId, kind: 'portal', params } as const;
      const open = async (key: string, { back }: typeof params) => ({
        url: await gateway.createPortal(customer, back, key),
      });
      return (await calls.once(call, open, isRefusal).catch(refuse)).url;
    },

    /** What a change would cost now and later, and what would stop fitting. Nothing changes. */
    preview: async (tenantId: string, wanted: ChangeDto): Promise<ChangePreviewDto> =>
      changes.preview(requireGateway(), tenantId, wanted).catch(refuse),

    /** Asks Stripe for it, and answers when what Stripe then has is so here. */
    change: async (tenantId: string, commandId: string, wanted: ChangeDto): Promise<Changed> => {
      const gateway = requireGateway();
      return withTenantLease(turns, tenantId, (turn) => changes.make(gateway, { tenantId, commandId, turn }, wanted));
    },

    /** The tenant was closed: whatever it pays for ends, now if that can be, else by the next reconciliation. */
    closed: async (tenantId: string): Promise<void> => {
      if (!parts.gateway) return;
      await calls.ask(tenantId).then(nudge, () => undefined);
    },

    /** Somebody comes back from Stripe's page: looks at once, and says where they want to go. */
    comeBack: async (token: string): Promise<string | undefined> => {
      const known = returning.open(token);
      if (!known) return undefined;
      // Whatever is wrong here, they go where they want to.
      await looking.lookAndSee(known.tenantId).catch(() => undefined);
      return known.url;
    },
  };
};

export abstract class BillingService extends tokenClass<ReturnType<typeof createBillingService>>() {}
