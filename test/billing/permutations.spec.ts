import fc from 'fast-check';
import { translate } from '#billing/stripe-translation';
import { followStripe } from '#domain/tenant/decide-billing';
import { type Tenant, tenantFold } from '#domain/tenant/evolve';
import { entries } from '#domain/tenant/persistent-map';
import { FOUNDING_TERMS } from '#plans/catalogue/index';
import { seeds } from '#testing/seeds';
import { tenantCreated } from '#testing/tenant-facts';
import { catalogue, type Moment, recordLife } from './life';

const founded = tenantFold.evolve(tenantFold.initial, tenantCreated, 1);

/** Applies the state that Stripe had at a moment to the tenant. @param now seconds since 1970 */
const applyState = (tenant: Tenant, { created, snapshot }: Moment, now: number): Tenant => {
  const at = new Date(Math.max(created, now) * 1_000).toISOString();
  const events = followStripe(translate(snapshot, catalogue, { at }), tenant);
  return events.reduce((before, event, n) => tenantFold.evolve(before, event, n + 2), tenant);
};

/** The part of an account that users can see and that rules use. */
const visible = (tenant: Tenant) => {
  if (tenant.status !== 'open') throw new Error('the tenant is not open');
  const { terms, seats, subscription, standing, invoices } = tenant.account;
  const paid = [...entries(invoices)].filter(([, { status }]) => status === 'paid').map(([id]) => id);
  const owed = [...entries(invoices)].filter(([, { status }]) => status === 'failed').map(([id]) => id);
  const { plan, limits } = terms ?? FOUNDING_TERMS;
  return { plan, limits, seats, subscription, standing, paid: paid.sort(), owed };
};

describe('the webhooks of one subscription', () => {
  let life: Moment[];
  let last: Moment;
  let inOrder: ReturnType<typeof visible>;
  beforeAll(async () => {
    life = await recordLife();
    last = life.at(-1) as Moment;
    inOrder = visible(life.reduce((tenant, moment) => applyState(tenant, moment, moment.created), founded));
  });

  it('include every type of event and every status that this test is about', () => {
    const types = new Set(life.map(({ type }) => type));
    for (const type of [
      'checkout.session.completed',
      'customer.subscription.created',
      'customer.subscription.updated',
      'customer.subscription.trial_will_end',
      'customer.subscription.deleted',
      'invoice.paid',
      'invoice.payment_failed',
    ])
      expect(types).toContain(type);
    const statuses = life.flatMap(({ snapshot }) => snapshot.subscriptions.map(({ status }) => status));
    expect([...new Set(statuses)]).toEqual(['trialing', 'active', 'past_due', 'canceled']);
    // Many events share a second, so their times do not give an order.
    expect(new Set(life.map(({ created }) => created)).size).toBeLessThan(life.length / 2);
    expect(inOrder).toMatchObject({ plan: 'free', subscription: null, standing: { kind: 'active' }, owed: [] });
    expect(inOrder.paid).toHaveLength(4);
  });

  it('lock and unlock the tenant, if each event is processed at its time', () => {
    const standings = life.map((_, at) => {
      const tenant = life
        .slice(0, at + 1)
        .reduce((state, moment) => applyState(state, moment, moment.created), founded);
      return visible(tenant).standing.kind;
    });
    expect(new Set(standings)).toEqual(new Set(['active', 'past-due', 'locked']));
  });

  it('lead to the same state in any order, any number of times and with any delay', () => {
    const index = fc.nat({ max: 1_000 });
    const deliveries = fc.array(fc.record({ event: index, lateness: index }), { minLength: 1, maxLength: 60 });
    fc.assert(
      fc.property(deliveries, (received) => {
        // A worker reads the state at Stripe just after the event, or a later one, and never an older one than before.
        let step = 0;
        let tenant = founded;
        for (const { event, lateness } of received) {
          const from = Math.max(step, event % life.length);
          step = from + (lateness % (life.length - from));
          const now = life[step] as Moment;
          tenant = applyState(tenant, now, now.created);
        }
        // Stripe sends each event until it is accepted, so the last event is processed at some time.
        tenant = applyState(tenant, last, last.created);
        expect(visible(tenant)).toEqual(inOrder);
        // A repeat changes nothing.
        expect(applyState(tenant, last, last.created)).toBe(tenant);
      }),
      { numRuns: seeds(1_000) },
    );
  });

  it('never activate a canceled subscription again, even if an older state says that it is active', () => {
    const ended = life.reduce((tenant, moment) => applyState(tenant, moment, moment.created), founded);
    for (const moment of life) {
      const revived = visible(applyState(ended, moment, last.created));
      expect([revived.subscription, revived.plan, revived.standing]).toEqual([null, 'free', { kind: 'active' }]);
    }
  });
});
