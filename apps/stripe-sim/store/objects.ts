/** The stored objects. Fields that begin with `_` belong to the simulator alone; its answers do not contain them. */
interface Base {
  readonly id: string;
  readonly object: string;
  created: number;
  livemode: false;
}

export interface Customer extends Base {
  readonly object: 'customer';
  name: string | null;
  email: string | null;
  balance: number;
  metadata: Record<string, string>;
  invoice_settings: { default_payment_method: string | null };
  deleted?: true;
}

/** The result of charging a card. */
export type Behaviour = 'pays' | 'declines' | 'authenticates';

export interface PaymentMethod extends Base {
  readonly object: 'payment_method';
  readonly type: 'card';
  readonly card: { readonly brand: 'visa'; readonly last4: string; readonly exp_month: 12; readonly exp_year: 2034 };
  customer: string | null;
  readonly _behaviour: Behaviour;
}

export interface Price extends Base {
  readonly object: 'price';
  readonly active: true;
  readonly currency: string;
  readonly product: string;
  readonly type: 'recurring';
  readonly unit_amount: number;
  readonly recurring: { readonly interval: 'month' | 'year'; readonly interval_count: 1 };
}

export interface Product extends Base {
  readonly object: 'product';
  readonly active: true;
  readonly name: string;
}

export interface Item {
  readonly id: string;
  readonly object: 'subscription_item';
  readonly subscription: string;
  price: Price;
  quantity: number;
  current_period_start: number;
  current_period_end: number;
}

export type SubscriptionStatus =
  | 'incomplete'
  | 'incomplete_expired'
  | 'trialing'
  | 'active'
  | 'past_due'
  | 'unpaid'
  | 'canceled'
  | 'paused';

export interface Subscription extends Base {
  readonly object: 'subscription';
  readonly customer: string;
  readonly currency: string;
  readonly collection_method: 'charge_automatically';
  status: SubscriptionStatus;
  start_date: number;
  billing_cycle_anchor: number;
  cancel_at: number | null;
  cancel_at_period_end: boolean;
  canceled_at: number | null;
  ended_at: number | null;
  trial_start: number | null;
  trial_end: number | null;
  default_payment_method: string | null;
  latest_invoice: string | null;
  pause_collection: { behavior: string } | null;
  metadata: Record<string, string>;
  items: { object: 'list'; data: Item[]; has_more: false };
  /** The event that the trial ends soon was sent. */
  _told?: boolean;
}

export interface Line {
  readonly id: string;
  readonly object: 'line_item';
  readonly amount: number;
  readonly currency: string;
  readonly description: string;
  readonly quantity: number;
  readonly period: { readonly start: number; readonly end: number };
}

export interface Invoice extends Base {
  readonly object: 'invoice';
  readonly customer: string;
  readonly number: string;
  readonly currency: string;
  readonly billing_reason: string;
  readonly period_start: number;
  readonly period_end: number;
  readonly parent: { type: 'subscription_details'; subscription_details: { subscription: string } };
  readonly lines: { object: 'list'; data: Line[]; has_more: false };
  readonly total: number;
  readonly amount_due: number;
  readonly hosted_invoice_url: string;
  status: 'draft' | 'open' | 'paid' | 'void' | 'uncollectible';
  amount_paid: number;
  amount_remaining: number;
  attempted: boolean;
  attempt_count: number;
  next_payment_attempt: number | null;
  status_transitions: {
    finalized_at: number | null;
    paid_at: number | null;
    voided_at: number | null;
    marked_uncollectible_at: number | null;
  };
}

/** The charge of a disputed invoice, which the dispute names. */
export interface Charge extends Base {
  readonly object: 'charge';
  readonly customer: string;
  readonly amount: number;
  readonly currency: string;
  readonly disputed: true;
  readonly paid: true;
  readonly status: 'succeeded';
}

interface SessionOf<O extends string> extends Base {
  readonly object: O;
  readonly customer: string;
  readonly url: string;
  readonly success_url: string | null;
  readonly cancel_url: string | null;
  readonly return_url: string | null;
  readonly mode: 'subscription' | null;
  readonly expires_at: number;
  readonly metadata: Record<string, string>;
  status: 'open' | 'complete' | 'expired';
  payment_status: 'unpaid' | 'paid' | 'no_payment_required';
  subscription: string | null;
  readonly _items: readonly { price: string; quantity: number }[];
  readonly _trialDays: number;
}

export type Session = SessionOf<'checkout.session'> | SessionOf<'billing_portal.session'>;

export interface Event extends Base {
  readonly object: 'event';
  readonly type: string;
  readonly api_version: string;
  readonly data: { readonly object: object; readonly previous_attributes?: object };
  /** Number of the event. It gives the order, because many events share a second. */
  readonly _order: number;
  /** The event was not delivered yet. */
  _pending?: boolean;
}

/** The parameters and the answer of a request with an idempotency key. */
export interface Kept extends Base {
  readonly object: '_kept';
  readonly _params: string;
  readonly _status: number;
  readonly _body: string;
}

/** The simulator's own counters. `_offset`: seconds by which its clock was set forward. */
export interface Meta extends Base {
  readonly object: '_meta';
  _offset: number;
  _order: number;
  _invoices: number;
}

export type Stored =
  | Customer
  | PaymentMethod
  | Price
  | Product
  | Subscription
  | Invoice
  | Charge
  | Session
  | Event
  | Kept
  | Meta;
export type Kind = Stored['object'];
export type Of<K extends Kind> = Extract<Stored, { object: K }>;
