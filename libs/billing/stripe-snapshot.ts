/** The parts of Stripe's objects that decisions are made of; its SDK's own types are far wider. */
export interface StripeInvoice {
  readonly id?: string | undefined;
  readonly number: string | null;
  readonly status: string | null;
  readonly total: number;
  /** What of it there is to pay, after credits. */
  readonly amount_due: number;
  readonly amount_paid: number;
  readonly currency: string;
  readonly created: number;
  readonly attempt_count: number;
  readonly next_payment_attempt: number | null;
  readonly hosted_invoice_url?: string | null | undefined;
  /** Which subscription it is of. */
  readonly parent?:
    | { readonly subscription_details?: { readonly subscription: string | { readonly id: string } } | null | undefined }
    | null
    | undefined;
  readonly status_transitions: { readonly finalized_at: number | null };
}

interface StripeItem {
  readonly id: string;
  readonly quantity?: number | undefined;
  readonly current_period_start: number;
  readonly current_period_end: number;
  readonly price: { readonly id: string };
}

export interface StripeSubscription {
  readonly id: string;
  readonly status: string;
  readonly created: number;
  readonly trial_end: number | null;
  readonly cancel_at: number | null;
  readonly cancel_at_period_end: boolean;
  readonly items: { readonly data: readonly StripeItem[] };
  readonly latest_invoice: string | StripeInvoice | null;
}

/** What Stripe had of one customer, when it was asked. */
export interface StripeSnapshot {
  /** The customer is no more. */
  readonly deleted: boolean;
  readonly subscriptions: readonly StripeSubscription[];
  /** Those that were asked for; the latest of each subscription is in any case. */
  readonly invoices: readonly StripeInvoice[];
}
