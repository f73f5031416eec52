import { eventTypes } from '../event-types';
import type { Feature, PlanLimits } from '../limits';

export const PLANS = ['free', 'pro', 'enterprise'] as const;
export type Plan = (typeof PLANS)[number];

/**
 * What a tenant has bought, as it was when it bought it: a later version of the catalogue changes nothing for those who
 * have an earlier one.
 */
export type Terms = {
  readonly plan: Plan;
  /** Of the catalogue. */
  readonly version: number;
  readonly limits: PlanLimits;
  readonly features: readonly Feature[];
  /** Days from a failed payment to the lock. */
  readonly graceDays: number;
  /** Days from the lock until reads are stopped, too. */
  readonly suspendAfterDays: number;
  /** Agreed with this one tenant, outside the catalogue: no subscription's end takes it away. */
  readonly agreed: boolean;
};

export type SubscriptionStatus = 'trialing' | 'active' | 'past-due' | 'unpaid' | 'paused';

/** All times are RFC 3339. */
export type SubscriptionDetails = {
  readonly subscriptionId: string;
  readonly status: SubscriptionStatus;
  readonly periodEnd: string;
  readonly trialEnd: string | null;
  /** When it ends, if it was cancelled for a later moment. */
  readonly cancelAt: string | null;
  /** Since when payment is missing: known to Stripe, so that everybody who asks gets the same. */
  readonly failingSince: string | null;
};

export type InvoiceDetails = {
  readonly invoiceId: string;
  /** As it is printed on the invoice; null for one without. */
  readonly number: string | null;
  /** Minor units, of all its lines; below 0: a credit. */
  readonly amount: number;
  /** Minor units: what of it there was to pay, after credits. */
  readonly amountDue: number;
  /** Minor units that were charged. */
  readonly amountPaid: number;
  /** ISO 4217, upper case. */
  readonly currency: string;
  readonly createdAt: string;
  /** Stripe's page of it. */
  readonly url: string | null;
};

/** A plan was bought, changed, agreed upon, or fell back to free. `reason` is for anyone who asks why. */
export type PlanChanged = {
  readonly type: 'PlanChanged';
  readonly data: { readonly terms: Terms; readonly reason: 'subscribed' | 'changed' | 'ended' | 'agreed' | 'released' };
};

export type SubscriptionStarted = { readonly type: 'SubscriptionStarted'; readonly data: SubscriptionDetails };

/** Its status, its period, or when it ends. */
export type SubscriptionUpdated = { readonly type: 'SubscriptionUpdated'; readonly data: SubscriptionDetails };

/** It is over for good: nothing that arrives later revives it. */
export type SubscriptionCanceled = {
  readonly type: 'SubscriptionCanceled';
  readonly data: { readonly subscriptionId: string };
};

/** So many were bought, where the plan sells seats one by one; null: it no longer does. */
export type SeatsChanged = { readonly type: 'SeatsChanged'; readonly data: { readonly seats: number | null } };

export type PaymentFailed = {
  readonly type: 'PaymentFailed';
  /** `attempt` counts from 1; `nextAttemptAt` is null where there is none. */
  readonly data: InvoiceDetails & { readonly attempt: number; readonly nextAttemptAt: string | null };
};

/** Nothing of it is open any more: it was paid, or needed no payment, by a credit or as one. */
export type PaymentSucceeded = { readonly type: 'PaymentSucceeded'; readonly data: InvoiceDetails };

/** Nobody waits for it any more. */
export type PaymentForgiven = {
  readonly type: 'PaymentForgiven';
  readonly data: InvoiceDetails & { readonly as: 'void' | 'uncollectible' };
};

/** The customer's bank takes back what was paid. Nobody is locked for it: whether it was right is still to be found out. */
export type PaymentDisputed = {
  readonly type: 'PaymentDisputed';
  readonly data: {
    readonly disputeId: string;
    /** Minor units. */
    readonly amount: number;
    /** ISO 4217, upper case. */
    readonly currency: string;
    /** In Stripe's words: `fraudulent`, `product_not_received`, … */
    readonly reason: string;
    readonly createdAt: string;
  };
};

export type LockReason = 'payment-failed' | 'subscription-paused';

/** Writes stop. `since` is when the grace was over, not when that was noticed. */
export type WorkspaceLocked = {
  readonly type: 'WorkspaceLocked';
  readonly data: { readonly reason: LockReason; readonly since: string; readonly suspendAt: string };
};

/** Reads stop, too. */
export type WorkspaceSuspended = { readonly type: 'WorkspaceSuspended'; readonly data: { readonly since: string } };

export type WorkspaceUnlocked = {
  readonly type: 'WorkspaceUnlocked';
  readonly data: { readonly reason: 'paid' | 'ended' };
};

/** Reconciliation found what no webhook had told, and mended it. */
export type BillingDriftRepaired = {
  readonly type: 'BillingDriftRepaired';
  /** The facts by which it was mended, which follow it. */
  readonly data: { readonly facts: readonly string[] };
};

export type SubscriptionEvent = SubscriptionStarted | SubscriptionUpdated | SubscriptionCanceled | SeatsChanged;
/** Payments, and what a comparison with Stripe found. */
export type PaymentEvent = PaymentFailed | PaymentSucceeded | PaymentForgiven | PaymentDisputed | BillingDriftRepaired;
export type LockEvent = WorkspaceLocked | WorkspaceSuspended | WorkspaceUnlocked;

export type BillingEvent = PlanChanged | SubscriptionEvent | PaymentEvent | LockEvent;

export const BILLING_EVENTS = eventTypes<BillingEvent>({
  PlanChanged: true,
  SubscriptionStarted: true,
  SubscriptionUpdated: true,
  SubscriptionCanceled: true,
  SeatsChanged: true,
  PaymentFailed: true,
  PaymentSucceeded: true,
  PaymentForgiven: true,
  PaymentDisputed: true,
  WorkspaceLocked: true,
  WorkspaceSuspended: true,
  WorkspaceUnlocked: true,
  BillingDriftRepaired: true,
});
