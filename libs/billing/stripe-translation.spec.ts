import { createCatalogue } from '#plans/catalogue/index';
import type { StripeInvoice, StripeSnapshot, StripeSubscription } from './stripe-snapshot';
import { chargeOf, readDispute, translate, Untranslatable } from './stripe-translation';

const catalogue = createCatalogue();
const price = catalogue.pricesOf('pro')?.price ?? '';
const DAY = 86_400;
const begun = Date.parse('2026-06-01T00:00:00Z') / 1_000;

const subscription = (id: string, more: Partial<StripeSubscription> = {}): StripeSubscription => ({
  ...{ id, status: 'past_due', created: begun, trial_end: null, cancel_at: null, cancel_at_period_end: false },
  ...{ latest_invoice: null },
  items: {
    data: [{ id: `si_${id}`, current_period_start: begun, current_period_end: begun + 30 * DAY, price: { id: price } }],
  },
  ...more,
});
const invoice = (id: string, of: string | undefined, finalized: number): StripeInvoice => ({
  ...{
    id,
    number: id,
    status: 'open',
    total: 4_900,
    amount_due: 4_900,
    amount_paid: 0,
    currency: 'eur',
    created: finalized,
    attempt_count: 1,
  },
  ...{ next_payment_attempt: null, status_transitions: { finalized_at: finalized } },
  ...(of !== undefined && { parent: { subscription_details: { subscription: of } } }),
});
const failingSince = (snapshot: Partial<StripeSnapshot>): string | null | undefined => {
  const whole = { deleted: false, subscriptions: [subscription('sub_new')], invoices: [], ...snapshot };
  return translate(whole, catalogue, { at: '2026-06-02T00:00:00.000Z' }).subscription?.failingSince;
};

describe('the time since when a payment is missing', () => {
  it('is the time of the first invoice whose payment failed', () => {
    const invoices = [invoice('in_1', 'sub_new', begun + 60), invoice('in_2', 'sub_new', begun + DAY)];
    expect(failingSince({ invoices })).toBe('2026-06-01T00:01:00.000Z');
  });

  it('does not depend on unpaid invoices of a subscription that has ended', () => {
    const subscriptions = [subscription('sub_new'), subscription('sub_old', { status: 'canceled' })];
    const invoices = [invoice('in_old', 'sub_old', begun - 150 * DAY), invoice('in_new', 'sub_new', begun + 60)];
    expect(failingSince({ subscriptions, invoices })).toBe('2026-06-01T00:01:00.000Z');
  });

  it('is the begin of the period if there is no such invoice', () => {
    expect(failingSince({})).toBe('2026-06-01T00:00:00.000Z');
  });
});

describe('the seats that were bought', () => {
  it('are the sum of all lines with their price', () => {
    const seat = catalogue.pricesOf('pro')?.seat ?? '';
    const period = { current_period_start: begun, current_period_end: begun + 30 * DAY };
    const line = (id: string, of: string, quantity: number) => ({ id, quantity, ...period, price: { id: of } });
    const data = [line('si_1', price, 1), line('si_2', seat, 15), line('si_3', seat, 5)];
    const whole = { deleted: false, subscriptions: [subscription('sub_new', { items: { data } })], invoices: [] };
    expect(translate(whole, catalogue, { at: '2026-06-02T00:00:00.000Z' }).subscription?.seats).toBe(45);
  });
});

describe('a dispute', () => {
  const eventWith = (object: object): string => JSON.stringify({ data: { object } });
  const dispute = { id: 'dp_1', charge: 'ch_1', amount: 4_900, currency: 'eur', reason: 'fraudulent', created: begun };

  it('names its charge and its amount', () => {
    expect(chargeOf(eventWith(dispute))).toBe('ch_1');
    expect(readDispute(eventWith(dispute))).toEqual({
      ...{ disputeId: 'dp_1', amount: 4_900, currency: 'EUR', reason: 'fraudulent' },
      createdAt: '2026-06-01T00:00:00.000Z',
    });
  });

  it('with invalid fields cannot be translated', () => {
    expect(chargeOf(eventWith({ charge: 5 }))).toBe('');
    expect(() => readDispute(eventWith({ ...dispute, amount: 'all' }))).toThrow(Untranslatable);
  });
});
