import type { Calls } from '../../../libs/billing/calls';
import type { Item } from '../../../libs/billing/lines';
import { StripeRefused } from '../../../libs/billing/refused';
import type { Change } from '../../../libs/billing/stripe/changes';
import type { StripeGateway } from '../../../libs/billing/stripe-gateway';
import { AnotherIsUnderWay, type Turns } from '../../../libs/billing/turns';
import { StripeUnavailable } from '../../../libs/billing/unavailable';
import type { Plan, Terms } from '../../../libs/domain/tenant/billing-events';
import type { Position } from '../../../libs/event-log/port';
import type { Catalogue } from '../../../libs/plans/catalogue';
import { sleep } from '../../../libs/platform/backoff';
import type { ScopedDb } from '../../../libs/platform/database/scoped-db';
import { uuidv5 } from '../../../libs/platform/ids/uuid';
import { Problem } from '../../../libs/platform/problems';
import { type BillingRow, findBilling } from '../../../projections/billing/queries';
import { projectsBeyond } from '../../../projections/plan-limits/queries';
import { findTenant } from '../../../projections/tenants/queries';
import { notFound } from '../http/not-found';
import type { Usage } from '../plans/usage';
import type { ChangeDto, ChangePreviewDto, CheckoutDto, MisfitDto } from './billing.dto';
import { boughtOf, invalid, requireNoSeats } from './items';
import type { Returning } from './returning';

export interface BillingParts {
  /** Undefined: nothing can be bought in this installation. */
  readonly gateway: StripeGateway | undefined;
  readonly calls: Calls;
  /** Of one company one checkout or change at a time. */
  readonly turns: Turns;
  readonly catalogue: Catalogue;
  readonly db: ScopedDb;
  readonly usage: Usage;
  readonly returning: Returning;
  /** Origins to which Stripe's pages may return. */
  readonly returnOrigins: () => readonly string[];
  /** Tells the workers that there is something to look at. */
  readonly nudge: () => void;
  /** Waits until the read models have what is in the log now, for a bounded time. @returns that position */
  readonly settled: () => Promise<Position>;
}

/** ms that an answer waits for the worker that looks at what Stripe has. */
const LOOK_MS = 3_000;
const LOOK_AT_CHECKOUT_MS = 1_000;
/** ms that a checkout or a change waits for another one of the company. */
const TURN_MS = 5_000;
const LOOK_EVERY_MS = 15;
const DAY_SECONDS = 86_400;

const isRefusal = (error: unknown): boolean => error instanceof StripeRefused;

const paidFor = (): Problem =>
  new Problem('conflict', { detail: 'There is a subscription already. Change it: POST /v1/billing/change.' });

/** What Stripe said no to, as the owner is told: a card that declines, most of all. */
const refused = (error: unknown): unknown =>
  error instanceof StripeRefused
    ? new Problem(
        'conflict',
        { detail: `Stripe refused it: ${error.message}`, members: { code: error.code } },
        { cause: error },
      )
    : error;

const refuse = (error: unknown): never => {
  throw refused(error);
};

/** A change that was not answered may have been made, or be made yet. */
const unansweredChange = (error: unknown): unknown =>
  error instanceof StripeUnavailable
    ? new Problem(
        'dependency-unavailable',
        {
          detail:
            'Stripe did not answer, and it is not known whether the change was made: it is asked for again for up to an hour. Repeat it with the same Idempotency-Key to know, or ask for another change in its place.',
          retryAfter: 5,
        },
        { cause: error },
      )
    : error;

export interface Changed {
  readonly row: BillingRow;
  /** Where in the log the read models are that show it. */
  readonly position: Position;
}

/** Buying, changing and ending: Stripe is asked, and what it then has is made so here. */
export const createBilling = (parts: BillingParts) => {
  const { calls, catalogue, db, usage, returning, returnOrigins, nudge, settled } = parts;

  const requireGateway = (): StripeGateway => {
    if (parts.gateway) return parts.gateway;
    const detail = 'This installation has no Stripe: nothing can be bought.';
    throw new Problem('dependency-unavailable', { detail, retryAfter: 3_600 });
  };

  const requireAllowed = (url: string, pointer: string): void => {
    const allowed = returnOrigins();
    if (allowed.includes(new URL(url).origin)) return;
    throw invalid(pointer, `must be of an allowed origin: ${allowed.join(', ')}`);
  };

  const billingOf = async (tenantId: string): Promise<BillingRow> => {
    const row = await findBilling(db.tenant(tenantId));
    if (!row) throw notFound('workspace');
    return row;
  };

  const inTurn = async <T>(tenantId: string, work: () => Promise<T>): Promise<T> => {
    try {
      return await parts.turns.inTurn(tenantId, TURN_MS, work);
    } catch (error) {
      if (!(error instanceof AnotherIsUnderWay)) throw error;
      const detail = 'Another checkout or change of this company is under way. See what came of it, and try again.';
      throw new Problem('conflict', { detail, retryAfter: 1 }, { cause: error });
    }
  };

  const customerFor = async (tenantId: string, commandId: string): Promise<string> => {
    const known = await calls.customerOf(tenantId);
    if (known !== undefined) return known;
    const gateway = requireGateway();
    const { name } = (await findTenant(db.tenant(tenantId))) ?? { name: tenantId };
    const call = { tenantId, callId: uuidv5(commandId, 'customer'), kind: 'customer', params: { name } } as const;
    const { id } = await calls.once(
      call,
      async (key, params) => ({ id: await gateway.createCustomer(tenantId, params.name, key) }),
      isRefusal,
    );
    return calls.link(tenantId, id);
  };

  /** Asks the workers to look at what Stripe has, and waits for them. */
  const look = async (tenantId: string, ms: number, isAtWork: Calls['isAtWork']): Promise<void> => {
    await calls.ask(tenantId);
    nudge();
    for (const end = Date.now() + ms; Date.now() < end && (await isAtWork(tenantId)); ) await sleep(LOOK_EVERY_MS);
  };

  /** {@link look}, and waits until what came of it can be read. */
  const lookAndSee = async (tenantId: string): Promise<Position> => {
    await look(tenantId, LOOK_MS, calls.isAtWork);
    return settled();
  };

  /** The same for whoever has gone to pay and may have: not for long, and not while Stripe is away. */
  const lookAtCheckout = async (tenantId: string): Promise<void> => {
    if (parts.gateway?.isResting() || !(await calls.hasCheckedOut(tenantId))) return;
    await look(tenantId, LOOK_AT_CHECKOUT_MS, calls.isWellAtWork);
    await settled();
  };

  /** A subscriber who stays with a plan keeps the version of it that was bought. */
  const versionFor = (row: BillingRow, plan: Plan): number | undefined =>
    row.plan === plan && catalogue.pricesOf(plan, row.planVersion) ? row.planVersion : undefined;

  const misfitsOf = async (tenantId: string, { limits }: Terms): Promise<MisfitDto[]> => {
    const scoped = db.tenant(tenantId);
    const { data } = await usage(scoped);
    const beyond = data.flatMap(({ resource, used }) => {
      const limit = resource === 'apiCalls' ? limits.apiCallsPerMonth : limits[resource];
      return limit !== null && used > limit ? [{ resource, used, limit }] : [];
    });
    return Promise.all(
      beyond.map(async (misfit) => ({
        ...misfit,
        readOnly: misfit.resource === 'projects' ? await projectsBeyond(scoped, misfit.limit) : [],
      })),
    );
  };

  const requireSubscription = ({ subscriptionId }: BillingRow): string => {
    if (subscriptionId !== null) return subscriptionId;
    throw new Problem('conflict', { detail: 'There is no subscription to change. Buy one by checkout.' });
  };

  /** Not before a day ago: what was shown then is not what it costs now. */
  const momentOf = ({ previewedAt }: ChangeDto): number => {
    const now = Math.floor(Date.now() / 1_000);
    if (previewedAt === undefined) return now;
    const at = Math.floor(Date.parse(previewedAt) / 1_000);
    if (at > now + 60 || at < now - DAY_SECONDS)
      throw invalid('/previewedAt', 'must be of a preview of the last 24 hours');
    return at;
  };

  const openCheckout = async (
    gateway: StripeGateway,
    tenantId: string,
    commandId: string,
    { successUrl, cancelUrl }: CheckoutDto,
    items: readonly Item[],
  ): Promise<string> => {
    const hasOne = async (): Promise<boolean> => (await billingOf(tenantId)).subscriptionId !== null;
    // Whoever comes from a page that they paid on, and goes to pay again, would pay twice.
    if (!(await hasOne())) await lookAtCheckout(tenantId);
    if (await hasOne()) throw paidFor();
    const customer = await customerFor(tenantId, commandId);
    // As browsers write it: what goes into a header has to be ASCII.
    const [success, cancel] = [new URL(successUrl).href, new URL(cancelUrl).href];
    const params = { customer, items, successUrl: returning.urlFor(tenantId, success), cancelUrl: cancel };
    const call = { tenantId, callId: commandId, kind: 'checkout', params } as const;
    try {
      const { id, url } = await calls.once(call, (key, page) => gateway.createCheckout(page, key), isRefusal);
      await gateway.expireOthers(customer, id);
      // After that none of them can be paid any more: whatever was, is there to be seen.
      if (!(await gateway.hasSubscription(customer))) return url;
      await gateway.expire(id);
      await lookAndSee(tenantId);
      throw paidFor();
    } catch (error) {
      throw refused(error);
    }
  };

  /** What Stripe is to be asked for, by what it has now. */
  const changeFor = async (gateway: StripeGateway, row: BillingRow, wanted: ChangeDto): Promise<Change> => {
    const subscriptionId = requireSubscription(row);
    const at = momentOf(wanted);
    if (wanted.plan === 'free') {
      requireNoSeats(wanted);
      return { subscriptionId, items: [], at };
    }
    const { items } = boughtOf(catalogue, wanted, row.seats, versionFor(row, wanted.plan));
    const [lines, owed] = await Promise.all([gateway.itemsFor(subscriptionId, items), gateway.owedOf(subscriptionId)]);
    return { subscriptionId, items: lines, at, owed: owed.map(({ id }) => id) };
  };

  return {
    /** Who has gone to pay is shown what came of it, whether or not a webhook has told it yet. */
    get: async (tenantId: string): Promise<BillingRow> => {
      const row = await billingOf(tenantId);
      if (row.status !== null || !parts.gateway) return row;
      await lookAtCheckout(tenantId);
      return billingOf(tenantId);
    },

    /** Of several pages of a company only the last one can be paid. */
    checkout: async (tenantId: string, commandId: string, wanted: CheckoutDto): Promise<string> => {
      const gateway = requireGateway();
      requireAllowed(wanted.successUrl, '/successUrl');
      requireAllowed(wanted.cancelUrl, '/cancelUrl');
      const { items } = boughtOf(catalogue, wanted, null);
      return inTurn(tenantId, () => openCheckout(gateway, tenantId, commandId, wanted, items));
    },

    portal: async (tenantId: string, commandId: string, returnUrl: string): Promise<string> => {
      const gateway = requireGateway();
      requireAllowed(returnUrl, '/returnUrl');
      const customer = await calls.customerOf(tenantId);
      if (!customer) throw new Problem('conflict', { detail: 'Nothing was bought yet. Buy by checkout first.' });
      const params = { customer, back: returning.urlFor(tenantId, new URL(returnUrl).href) };
      const call = { tenantId, callId: commandId, kind: 'portal', params } as const;
      const open = async (key: string, { back }: typeof params) => ({
        url: await gateway.createPortal(customer, back, key),
      });
      return (await calls.once(call, open, isRefusal)).url;
    },

    preview: async (tenantId: string, wanted: ChangeDto): Promise<ChangePreviewDto> => {
      const gateway = requireGateway();
      const row = await billingOf(tenantId);
      const subscriptionId = requireSubscription(row);
      const at = momentOf(wanted);
      const { plan } = wanted;
      const version = versionFor(row, plan);
      const moment = new Date(at * 1_000).toISOString();
      if (plan === 'free') {
        requireNoSeats(wanted);
        const effectiveAt = row.periodEnd?.toISOString() ?? moment;
        const misfits = await misfitsOf(tenantId, catalogue.free);
        return {
          ...{ plan, seats: null, dueNow: 0, overdue: 0, credited: 0, recurring: 0, currency: null },
          ...{ at: moment, effectiveAt, misfits },
        };
      }
      const { items, seats } = boughtOf(catalogue, wanted, row.seats, version);
      const [misfits, { at: _, ...money }] = await Promise.all([
        misfitsOf(tenantId, catalogue.termsOf(plan, seats, version)),
        gateway.preview(subscriptionId, items, at),
      ]);
      return { plan, seats, ...money, at: moment, effectiveAt: moment, misfits };
    },

    /** Asks Stripe for it, and answers when what Stripe then has is so here. */
    change: async (tenantId: string, commandId: string, wanted: ChangeDto): Promise<Changed> => {
      const gateway = requireGateway();
      const carryOut = async (key: string, change: Change) => {
        await gateway.change(change, key);
        return {};
      };
      return inTurn(tenantId, async () => {
        const params = await changeFor(gateway, await billingOf(tenantId), wanted).catch(refuse);
        try {
          await calls.once({ tenantId, callId: commandId, kind: 'change', params } as const, carryOut, isRefusal);
        } catch (error) {
          throw unansweredChange(refused(error));
        }
        const position = await lookAndSee(tenantId);
        return { row: await billingOf(tenantId), position };
      });
    },

    /** The company was closed: whatever it pays for ends, now if that can be, else by the next reconciliation. */
    closed: async (tenantId: string): Promise<void> => {
      if (!parts.gateway) return;
      await calls.ask(tenantId).then(nudge, () => undefined);
    },

    /** Somebody comes back from Stripe's page: looks at once, and says where they want to go. */
    comeBack: async (token: string): Promise<string | undefined> => {
      const known = returning.open(token);
      if (!known) return undefined;
      // Whatever is wrong here, they go where they want to.
      await lookAndSee(known.tenantId).catch(() => undefined);
      return known.url;
    },
  };
};

export type Billing = ReturnType<typeof createBilling>;
