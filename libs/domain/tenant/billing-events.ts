import { eventTypes } from '../event-types';
import type { Feature, PlanLimits } from '../limits';

export const PLANS = ['free', 'pro', 'enterprise'] as const;
export type Plan = (typeof PLANS)[number];

/**
 * The plan of a tenant with its limits and features, as they were when it was bought. A later version of the catalogue
 * does not change the terms of a tenant that bought an earlier version.
 */
export type Terms = {
  readonly plan: Plan;
  /** The version of the catalogue. */
  readonly version: number;
  readonly limits: PlanLimits;
  readonly features: readonly Feature[];
  /** The grace period: days from a failed payment to the lock. */
  readonly graceDays: number;
  /** Days from the lock until reads are refused, too. */
  readonly suspendAfterDays: number;
  /**
   * True if an operator agreed these terms with the tenant, outside the catalogue: the end of a subscription keeps
   * them.
   */
  readonly agreed: boolean;
};

export type SubscriptionStatus = 'trialing' | 'active' | 'past-due' | 'unpaid' | 'paused';

/** All times are RFC 3339. */
export type SubscriptionDetails = {
  readonly subscriptionId: string;
  readonly status: SubscriptionStatus;
  readonly periodEnd: string;
  readonly trialEnd: string | null;
  /** The time at which it ends; null: it was not canceled for a later time. */
  readonly cancelAt: string | null;
  /**
   * The time since which a payment is missing, by Stripe's clock, so that every process has the same time; null: none
   * is missing.
   */
  readonly failingSince: string | null;
};

export type InvoiceDetails = {
  readonly invoiceId: string;
  /** The number that is printed on the invoice; null: it has none. */
  readonly number: string | null;
  /** The total of all lines, in minor units; below 0: a credit. */
  readonly amount: number;
  /** The amount to pay after credits, in minor units. */
  readonly amountDue: number;
  /** The amount that was charged, in minor units. */
  readonly amountPaid: number;
  /** ISO 4217, upper case. */
  readonly currency: string;
  readonly createdAt: string;
  /** The address of Stripe's page for the invoice; null: it has none. */
  readonly url: string | null;
};

/** A plan was bought, changed, agreed with an operator or released, or the tenant returned to the free plan. */
export type PlanChanged = {
  readonly type: 'PlanChanged';
  readonly data: { readonly terms: Terms; readonly reason: 'subscribed' | 'changed' | 'ended' | 'agreed' | 'released' };
};

export type SubscriptionStarted = { readonly type: 'SubscriptionStarted'; readonly data: SubscriptionDetails };

/** The status, the period or the end of the subscription changed. */
export type SubscriptionUpdated = { readonly type: 'SubscriptionUpdated'; readonly data: SubscriptionDetails };

/** The subscription has ended. Nothing that Stripe reports later makes it active again. */
export type SubscriptionCanceled = {
  readonly type: 'SubscriptionCanceled';
  readonly data: { readonly subscriptionId: string };
};

/** The number of seats that are bought; null: the new plan does not sell single seats. */
export type SeatsChanged = { readonly type: 'SeatsChanged'; readonly data: { readonly seats: number | null } };

export type PaymentFailed = {
  readonly type: 'PaymentFailed';
  /** `attempt` counts from 1; `nextAttemptAt` is null if Stripe plans no further attempt. */
  readonly data: InvoiceDetails & { readonly attempt: number; readonly nextAttemptAt: string | null };
};

/** The invoice is settled: it was paid, credits covered it, or it is a credit itself. */
export type PaymentSucceeded = { readonly type: 'PaymentSucceeded'; readonly data: InvoiceDetails };

/** The invoice does not have to be paid any more. */
export type PaymentForgiven = {
  readonly type: 'PaymentForgiven';
  readonly data: InvoiceDetails & { readonly as: 'void' | 'uncollectible' };
};

/** The customer's bank reclaims a payment. It does not lock the tenant, because the dispute is not decided yet. */
export type PaymentDisputed = {
  readonly type: 'PaymentDisputed';
  readonly data: {
    readonly disputeId: string;
    /** Minor units. */
    readonly amount: number;
    /** ISO 4217, upper case. */
    readonly currency: string;
    /** Stripe's name for the reason: `fraudulent`, `product_not_received`, … */
    readonly reason: string;
    readonly createdAt: string;
  };
};

export type LockReason = 'payment-failed' | 'subscription-paused';

/** Writes are refused from now on. `since` is the end of the grace period, not the time at which it was noticed. */
export type WorkspaceLocked = {
  readonly type: 'WorkspaceLocked';
  readonly data: { readonly reason: LockReason; readonly since: string; readonly suspendAt: string };
};

/** Reads are refused, too, from now on. */
export type WorkspaceSuspended = { readonly type: 'WorkspaceSuspended'; readonly data: { readonly since: string } };

export type WorkspaceUnlocked = {
  readonly type: 'WorkspaceUnlocked';
  readonly data: { readonly reason: 'paid' | 'ended' };
};

/** Reconciliation found changes at Stripe that no webhook had reported, and applied them. */
export type BillingDriftRepaired = {
  readonly type: 'BillingDriftRepaired';
  /** The types of the events that apply the changes. They follow this event. */
  readonly data: { readonly facts: readonly string[] };
};

export type SubscriptionEvent = SubscriptionStarted | SubscriptionUpdated | SubscriptionCanceled | SeatsChanged;
/** Payments, and changes that a comparison with Stripe found. */
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
