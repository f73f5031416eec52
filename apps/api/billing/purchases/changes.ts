import type { Change } from '#billing/stripe/changes';
import type { StripeGateway } from '#billing/stripe/stripe-gateway';
import { StripeUnavailable } from '#billing/stripe/stripe-unavailable';
import type { Plan, Terms } from '#domain/tenant/billing-events';
import type { Position } from '#event-log/port';
import { Problem } from '#platform/problems';
import type { BillingRow } from '#projections/billing/queries';
import type { ChangeDto, ChangePreviewDto } from '../billing.dto';
import type { BillingDeps, WithTenantLease } from '../billing-deps';
import { billingOf } from '../billing-view';
import { isRefusal, refuse, refused } from '../stripe/stripe-refusals';
import type { StripeSync } from '../stripe/stripe-sync';
import { downgradeConflicts } from './downgrade-conflicts';
import { invalid, purchaseOf, requireNoSeats } from './purchase';

const DAY_SECONDS = 86_400;

/** A change that was not answered may have been made, or be made yet. */
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

/** Seconds. Not before a day ago: what was shown then is not what it costs now. */
const momentOf = ({ previewedAt }: ChangeDto): number => {
  const now = Math.floor(Date.now() / 1_000);
  if (previewedAt === undefined) return now;
  const at = Math.floor(Date.parse(previewedAt) / 1_000);
  if (at > now + 60 || at < now - DAY_SECONDS)
    throw invalid('/previewedAt', 'must be the `at` of a preview from the last 24 hours');
  return at;
};

export interface Changed {
  readonly row: BillingRow;
  /** Where in the log the read models are that show it. */
  readonly position: Position;
}

/** Another plan, other seats, or the end of what is paid for. */
export const createChanges = ({ calls, catalogue, db, usage }: BillingDeps, { lookAndSee }: StripeSync) => {
  /** A subscriber who stays with a plan keeps the version of it that was bought. */
  const versionFor = (row: BillingRow, plan: Plan): number | undefined =>
    row.plan === plan && catalogue.pricesOf(plan, row.planVersion) ? row.planVersion : undefined;

  /** What Stripe is to be asked for, by what it has now. */
  const changeFor = async (gateway: StripeGateway, row: BillingRow, wanted: ChangeDto): Promise<Change> => {
    const subscriptionId = requireSubscription(row);
    const at = momentOf(wanted);
    if (wanted.plan === 'free') {
      requireNoSeats(wanted);
      return { subscriptionId, items: [], at };
    }
    const { items } = purchaseOf(catalogue, wanted, row.seats, versionFor(row, wanted.plan));
    const [lines, owed] = await Promise.all([gateway.itemsFor(subscriptionId, items), gateway.owedOf(subscriptionId)]);
    return { subscriptionId, items: lines, at, owed: owed.map(({ id }) => id) };
  };

  return {
    /**
     * What a change would cost now and later, and what would stop fitting.
     * @throws Problem where there is no subscription, or the change is none that is sold
     * @throws StripeUnavailable @throws StripeRefused what Stripe will not calculate
     */
    preview: async (gateway: StripeGateway, tenantId: string, wanted: ChangeDto): Promise<ChangePreviewDto> => {
      const scoped = db.tenant(tenantId);
      const row = await billingOf(scoped);
      const subscriptionId = requireSubscription(row);
      const at = momentOf(wanted);
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
     * Asks Stripe for it, and answers when what Stripe then has is so here.
     * @throws Problem where there is no subscription, Stripe refuses it, or it is not known whether it was made
     */
    make: async (
      gateway: StripeGateway,
      { tenantId, commandId, turn }: WithTenantLease,
      wanted: ChangeDto,
    ): Promise<Changed> => {
      const carryOut = async (key: string, change: Change) => {
        await gateway.change(change, key);
        return {};
      };
      const scoped = db.tenant(tenantId);
      const params = await changeFor(gateway, await billingOf(scoped), wanted).catch(refuse);
      try {
        await calls.once({ tenantId, callId: commandId, kind: 'change', params, turn } as const, carryOut, isRefusal);
      } catch (error) {
        throw unanswered(refused(error));
      }
      const position = await lookAndSee(tenantId);
      return { row: await billingOf(scoped), position };
    },
  };
};
