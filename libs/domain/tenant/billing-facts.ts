import type { InvoiceDetails, PaymentDisputed, SubscriptionDetails, Terms } from './billing-events';

/** The present state of an invoice at Stripe. */
export interface InvoiceFacts extends InvoiceDetails {
  readonly status: 'open' | 'paid' | 'void' | 'uncollectible';
  /** The number of attempts to charge it. */
  readonly attempts: number;
  /** RFC 3339; null: Stripe plans no further attempt. */
  readonly nextAttemptAt: string | null;
}

/** The terms of the subscription's plan, and the seats that were bought; null: the plan does not sell single seats. */
export interface SubscriptionFacts extends SubscriptionDetails {
  readonly terms: Terms;
  readonly seats: number | null;
}

/** The present state of one customer at Stripe, translated into the terms of the domain. */
export interface BillingFacts {
  /** RFC 3339: the present time. */
  readonly at: string;
  /** The subscription that sets the tenant's plan; null: there is none. */
  readonly subscription: SubscriptionFacts | null;
  /** The ids of the subscriptions that have ended; `all` if the customer was deleted. */
  readonly ended: readonly string[] | 'all';
  readonly invoices: readonly InvoiceFacts[];
  /** The disputes that webhooks reported. */
  readonly disputes: readonly PaymentDisputed['data'][];
  /** The terms of a tenant without a subscription. */
  readonly free: Terms;
  /** True if reconciliation found this state and no webhook reported it. */
  readonly reconciling: boolean;
}
