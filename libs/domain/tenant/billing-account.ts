import { unknownEvent } from '../unknown-event';
import type {
  BillingEvent,
  InvoiceDetails,
  LockReason,
  PlanChanged,
  SubscriptionDetails,
  Terms,
} from './billing-events';
import { emptyMap, type PersistentMap, remove, set } from './persistent-map';

/** An invoice whose payment failed or succeeded. An invoice whose payment was forgiven is removed from the account. */
export interface Invoice {
  readonly status: 'failed' | 'paid';
  /** The number of the last failed attempt; 0 once it is paid. */
  readonly attempts: number;
}

/**
 * The payment state of a tenant: `active` → `past-due` (a payment failed, and the grace period has not ended) →
 * `locked` (writes are refused) → `suspended` (reads are refused, too). Each state can change back to `active`
 * directly.
 */
export type PaymentState =
  | { readonly kind: 'active' }
  | { readonly kind: 'past-due' }
  | { readonly kind: 'locked' | 'suspended'; readonly reason: LockReason; readonly suspendAt: string };

/** The part of a tenant's state that its billing events change. */
export interface BillingAccount {
  /** The terms of the tenant's plan; null: the terms that every new tenant has. */
  readonly terms: Terms | null;
  /** Whether the limits have ever become lower, so that the tenant may use more than they allow. */
  readonly shrunk: boolean;
  /** The seats that were bought; null: the plan does not sell single seats. */
  readonly seats: number | null;
  readonly subscription: SubscriptionDetails | null;
  /** The ids of the subscriptions that have ended. */
  readonly ended: PersistentMap<true>;
  readonly invoices: PersistentMap<Invoice>;
  /** The ids of the recorded disputes. */
  readonly disputes: PersistentMap<true>;
  readonly standing: PaymentState;
}

export const newBillingAccount: BillingAccount = {
  terms: null,
  shrunk: false,
  seats: null,
  subscription: null,
  ended: emptyMap,
  invoices: emptyMap,
  disputes: emptyMap,
  standing: { kind: 'active' },
};

const ACTIVE: PaymentState = { kind: 'active' };

const isSmaller = (next: Terms, before: Terms | null): boolean =>
  before !== null &&
  (Object.keys(next.limits) as (keyof Terms['limits'])[]).some(
    (name) => (next.limits[name] ?? Number.POSITIVE_INFINITY) < (before.limits[name] ?? Number.POSITIVE_INFINITY),
  );

const withPlan = (account: BillingAccount, { terms }: PlanChanged['data']): BillingAccount => ({
  ...account,
  terms,
  shrunk: account.shrunk || terms.agreed || isSmaller(terms, account.terms),
});

const withInvoice = (
  account: BillingAccount,
  { invoiceId }: InvoiceDetails,
  invoice: Invoice | undefined,
): BillingAccount => {
  const { invoices } = account;
  return { ...account, invoices: invoice ? set(invoices, invoiceId, invoice) : remove(invoices, invoiceId) };
};

/** Ends `past-due`. A lock stays. */
const withoutPastDue = (standing: PaymentState): PaymentState => (standing.kind === 'past-due' ? ACTIVE : standing);

const isPaid = ({ status }: SubscriptionDetails): boolean => status === 'active' || status === 'trialing';

const withSubscription = (account: BillingAccount, subscription: SubscriptionDetails): BillingAccount => ({
  ...account,
  subscription,
  standing: isPaid(subscription) ? withoutPastDue(account.standing) : account.standing,
});

export const evolveBillingAccount = (account: BillingAccount, event: BillingEvent): BillingAccount => {
  switch (event.type) {
    case 'PlanChanged':
      return withPlan(account, event.data);
    case 'SubscriptionStarted':
    case 'SubscriptionUpdated':
      return withSubscription(account, event.data);
    case 'SubscriptionCanceled': {
      const { subscriptionId } = event.data;
      const isCurrent = account.subscription?.subscriptionId === subscriptionId;
      return {
        ...account,
        ended: set(account.ended, subscriptionId, true),
        ...(isCurrent && { subscription: null, seats: null, standing: withoutPastDue(account.standing) }),
      };
    }
    case 'SeatsChanged':
      return { ...account, seats: event.data.seats };
    case 'PaymentFailed': {
      const failed = withInvoice(account, event.data, { status: 'failed', attempts: event.data.attempt });
      return account.standing.kind === 'active' ? { ...failed, standing: { kind: 'past-due' } } : failed;
    }
    case 'PaymentSucceeded':
      return withInvoice(account, event.data, { status: 'paid', attempts: 0 });
    case 'PaymentForgiven':
      return withInvoice(account, event.data, undefined);
    case 'PaymentDisputed':
      return { ...account, disputes: set(account.disputes, event.data.disputeId, true) };
    case 'WorkspaceLocked': {
      const { reason, suspendAt } = event.data;
      return { ...account, standing: { kind: 'locked', reason, suspendAt } };
    }
    case 'WorkspaceSuspended':
      return account.standing.kind === 'locked'
        ? { ...account, standing: { ...account.standing, kind: 'suspended' } }
        : account;
    case 'WorkspaceUnlocked':
      return { ...account, standing: ACTIVE };
    case 'BillingDriftRepaired':
      return account;
    default:
      return unknownEvent(event);
  }
};
