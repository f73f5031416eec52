import { unknownEvent } from '../unknown-event';
import type {
  BillingEvent,
  InvoiceDetails,
  LockReason,
  PlanChanged,
  SubscriptionDetails,
  Terms,
} from './billing-events';
import { none, type PersistentMap, remove, set } from './persistent-map';

/** What is known of an invoice: that its payment failed, or that it was paid. One that was forgiven is forgotten. */
export interface Invoice {
  readonly status: 'failed' | 'paid';
  readonly attempts: number;
}

/**
 * How the tenant stands with its payments:
 * `active` → `past-due` (a payment failed, within the grace) → `locked` (writes stop) → `suspended` (reads, too), and from
 * each of them back to `active` at once.
 */
export type Standing =
  | { readonly kind: 'active' }
  | { readonly kind: 'past-due' }
  | { readonly kind: 'locked' | 'suspended'; readonly reason: LockReason; readonly suspendAt: string };

/** The part of a tenant that its billing decides. */
export interface BillingAccount {
  /** Null: those with which every tenant begins. */
  readonly terms: Terms | null;
  /** Whether the terms have ever become smaller, so that more may be in use than they allow. */
  readonly shrunk: boolean;
  readonly seats: number | null;
  readonly subscription: SubscriptionDetails | null;
  /** Subscriptions that are over. */
  readonly ended: PersistentMap<true>;
  readonly invoices: PersistentMap<Invoice>;
  /** Those that are known of. */
  readonly disputes: PersistentMap<true>;
  readonly standing: Standing;
}

export const newBillingAccount: BillingAccount = {
  terms: null,
  shrunk: false,
  seats: null,
  subscription: null,
  ended: none,
  invoices: none,
  disputes: none,
  standing: { kind: 'active' },
};

const ACTIVE: Standing = { kind: 'active' };

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

/** What was late without being locked is late no more. */
const withoutDelay = (standing: Standing): Standing => (standing.kind === 'past-due' ? ACTIVE : standing);

const isPaid = ({ status }: SubscriptionDetails): boolean => status === 'active' || status === 'trialing';

const withSubscription = (account: BillingAccount, subscription: SubscriptionDetails): BillingAccount => ({
  ...account,
  subscription,
  standing: isPaid(subscription) ? withoutDelay(account.standing) : account.standing,
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
      const isPresent = account.subscription?.subscriptionId === subscriptionId;
      return {
        ...account,
        ended: set(account.ended, subscriptionId, true),
        ...(isPresent && { subscription: null, seats: null, standing: withoutDelay(account.standing) }),
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
