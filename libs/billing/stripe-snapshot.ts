/** The fields of Stripe's objects that the translation reads; the types of Stripe's SDK have many more. */
export interface StripeInvoice {
  readonly id?: string | undefined;
  readonly number: string | null;
  readonly status: string | null;
  /** Minor units, as the other amounts; below 0: a credit. */
  readonly total: number;
  /** The amount that remains to be paid after credits. */
  readonly amount_due: number;
  readonly amount_paid: number;
  readonly currency: string;
  readonly created: number;
  readonly attempt_count: number;
  readonly next_payment_attempt: number | null;
  readonly hosted_invoice_url?: string | null | undefined;
  /** Names the subscription that the invoice belongs to. */
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

/** The state of one customer at Stripe at one time. */
export interface StripeSnapshot {
  /** The customer was deleted at Stripe; the lists are empty then. */
  readonly deleted: boolean;
  readonly subscriptions: readonly StripeSubscription[];
  /**
   * Empty if the invoices were not requested; the latest invoice of each subscription is in `subscriptions` in any
   * case.
   */
  readonly invoices: readonly StripeInvoice[];
}
