import type { Change } from '#billing/stripe/changes';
import type { StripeGateway } from '#billing/stripe/stripe-gateway';
import { StripeUnavailable } from '#billing/stripe/stripe-unavailable';
import type { Plan, Terms } from '#domain/tenant/billing-events';
import type { Position } from '#event-log/port';
import { Problem } from '#platform/problems';
import type { BillingRow } from '#projections/billing/queries';
import type { BillingDeps, LeasedCommand } from '../billing-deps';
import { billingOf } from '../billing-view';
import type { ChangeDto, ChangePreviewDto } from '../purchases.dto';
import { isRefusal, refuse, refused } from '../stripe/stripe-refusals';
import type { StripeSync } from '../stripe/stripe-sync';
import { downgradeConflicts } from './downgrade-conflicts';
import { invalid, purchaseOf, requireNoSeats } from './purchase';

const DAY_SECONDS = 86_400;

/** Stripe did not answer a change: it may have been made, or may still be made. Other errors are returned unchanged. */
const unanswered = (error: unknown): unknown =>
  error instanceof StripeUnavailable
    ? new Problem(
        'dependency-unavailable',
        {
          detail:
            'Stripe did not answer, so it is not known whether the change was made. The server tries again for up to an hour. Repeat the request with the same Idempotency-Key to get the result, or request another change to replace it.',
          retryAfter: 5,
        },
        { cause: error },
      )
    : error;

const requireSubscription = ({ subscriptionId }: BillingRow): string => {
  if (subscriptionId !== null) return subscriptionId;
  throw new Problem('conflict', {
    detail: 'There is no subscription to change. Buy a plan first: POST /v1/billing/checkout.',
  });
};

/**
 * The time of the change in seconds since 1970: that of the preview, else now.
 * @throws Problem the preview is older than a day, so that its price is outdated, or more than a minute in the future
 */
const timeOf = ({ previewedAt }: ChangeDto): number => {
  const now = Math.floor(Date.now() / 1_000);
  if (previewedAt === undefined) return now;
  const at = Math.floor(Date.parse(previewedAt) / 1_000);
  if (at > now + 60 || at < now - DAY_SECONDS)
    throw invalid('/previewedAt', 'must be the `at` of a preview from the last 24 hours');
  return at;
};

export interface Changed {
  readonly row: BillingRow;
  /** Position in the log. Read models that have reached it show the change. */
  readonly position: Position;
}

/** Changes of a subscription: another plan, another number of seats, or its end. */
export const createChanges = ({ outbox, catalogue, db, usage }: BillingDeps, { syncNow }: StripeSync) => {
  /** The version of the catalogue for a change. A tenant that keeps its plan keeps the version that it bought. */
  const versionFor = (row: BillingRow, plan: Plan): number | undefined =>
    row.plan === plan && catalogue.pricesOf(plan, row.planVersion) ? row.planVersion : undefined;

  /** The request to Stripe, based on the present lines and invoices of the subscription. */
  const changeFor = async (gateway: StripeGateway, row: BillingRow, wanted: ChangeDto): Promise<Change> => {
    const subscriptionId = requireSubscription(row);
    const at = timeOf(wanted);
    if (wanted.plan === 'free') {
      requireNoSeats(wanted);
      return { subscriptionId, items: [], at };
    }
    const { items } = purchaseOf(catalogue, wanted, row.seats, versionFor(row, wanted.plan));
    const [changes, overdue] = await Promise.all([
      gateway.itemsFor(subscriptionId, items),
      gateway.overdueInvoicesOf(subscriptionId),
    ]);
    return { subscriptionId, items: changes, at, owed: overdue.map(({ id }) => id) };
  };

  return {
    /**
     * The cost of a change, now and later, and the resources whose use would exceed the new limits.
     * @throws Problem conflict: there is no subscription; validation-failed: the plan is not sold like this
     * @throws StripeUnavailable @throws StripeRefused
     */
    preview: async (gateway: StripeGateway, tenantId: string, wanted: ChangeDto): Promise<ChangePreviewDto> => {
      const scoped = db.tenant(tenantId);
      const row = await billingOf(scoped);
      const subscriptionId = requireSubscription(row);
      const at = timeOf(wanted);
      const { plan } = wanted;
      const version = versionFor(row, plan);
      const moment = new Date(at * 1_000).toISOString();
      const misfitsUnder = (terms: Terms) => downgradeConflicts(scoped, usage, terms);
      if (plan === 'free') {
        requireNoSeats(wanted);
        const effectiveAt = row.periodEnd?.toISOString() ?? moment;
        const misfits = await misfitsUnder(catalogue.free);
        return {
          ...{ plan, seats: null, dueNow: 0, overdue: 0, credited: 0, recurring: 0, currency: null },
          ...{ at: moment, effectiveAt, misfits },
        };
      }
      const { items, seats } = purchaseOf(catalogue, wanted, row.seats, version);
      const [misfits, { at: _, ...money }] = await Promise.all([
        misfitsUnder(catalogue.termsOf(plan, seats, version)),
        gateway.preview(subscriptionId, items, at),
      ]);
      return { plan, seats, ...money, at: moment, effectiveAt: moment, misfits };
    },

    /**
     * Changes the subscription at Stripe, and waits for a bounded time until the new state is applied to the tenant.
     * @throws Problem conflict: there is no subscription, or Stripe refuses the change; validation-failed: the plan is
     * not sold like this; dependency-unavailable: it is not known whether the change was made
     */
    make: async (
      gateway: StripeGateway,
      { tenantId, commandId, lease }: LeasedCommand,
      wanted: ChangeDto,
    ): Promise<Changed> => {
      const send = async (key: string, change: Change) => {
        await gateway.change(change, key);
        return {};
      };
      const scoped = db.tenant(tenantId);
      const params = await changeFor(gateway, await billingOf(scoped), wanted).catch(refuse);
      try {
        await outbox.sendOnce({ tenantId, callId: commandId, kind: 'change', params, lease } as const, send, isRefusal);
      } catch (error) {
        throw unanswered(refused(error));
      }
      const position = await syncNow(tenantId);
      return { row: await billingOf(scoped), position };
    },
  };
};
