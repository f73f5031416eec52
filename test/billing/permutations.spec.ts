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

/** One look at what Stripe had after the `seen`-th step, because of some event. */
const look = (tenant: Tenant, { created, snapshot }: Moment, now: number): Tenant => {
  const at = new Date(Math.max(created, now) * 1_000).toISOString();
  const events = followStripe(translate(snapshot, catalogue, { at }), tenant);
  return events.reduce((before, event, n) => tenantFold.evolve(before, event, n + 2), tenant);
};

/** What anybody can see of an account, and what its rules go by. */
const seen = (tenant: Tenant) => {
  if (tenant.status !== 'open') throw new Error('the tenant is open');
  const { terms, seats, subscription, standing, invoices } = tenant.account;
  const paid = [...entries(invoices)].filter(([, { status }]) => status === 'paid').map(([id]) => id);
  const owed = [...entries(invoices)].filter(([, { status }]) => status === 'failed').map(([id]) => id);
  const { plan, limits } = terms ?? FOUNDING_TERMS;
  return { plan, limits, seats, subscription, standing, paid: paid.sort(), owed };
};

describe('the webhooks of a life', () => {
  let life: Moment[];
  let last: Moment;
  let inOrder: ReturnType<typeof seen>;
  beforeAll(async () => {
    life = await recordLife();
    last = life.at(-1) as Moment;
    inOrder = seen(life.reduce((tenant, moment) => look(tenant, moment, moment.created), founded));
  });

  it('tell of a trial of everything', () => {
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
    // Many share a second: their times order nothing.
    expect(new Set(life.map(({ created }) => created)).size).toBeLessThan(life.length / 2);
    expect(inOrder).toMatchObject({ plan: 'free', subscription: null, standing: { kind: 'active' }, owed: [] });
    expect(inOrder.paid).toHaveLength(4);
  });

  it('lock and unlock on the way, where each is looked at in its time', () => {
    const standings = life.map((_, at) => {
      const tenant = life.slice(0, at + 1).reduce((state, moment) => look(state, moment, moment.created), founded);
      return seen(tenant).standing.kind;
    });
    expect(new Set(standings)).toEqual(new Set(['active', 'past-due', 'locked']));
  });

  it('end in the same state in any order, any number of times, whenever each is looked at', () => {
    const index = fc.nat({ max: 1_000 });
    const deliveries = fc.array(fc.record({ event: index, lateness: index }), { minLength: 1, maxLength: 60 });
    fc.assert(
      fc.property(deliveries, (made) => {
        // A look at an event sees what Stripe has then: what it had after the event, or later. Time does not run backwards.
        let step = 0;
        let tenant = founded;
        for (const { event, lateness } of made) {
          const from = Math.max(step, event % life.length);
          step = from + (lateness % (life.length - from));
          const now = life[step] as Moment;
          tenant = look(tenant, now, now.created);
        }
        // Each event is delivered at last, and so the last one is.
        tenant = look(tenant, last, last.created);
        expect(seen(tenant)).toEqual(inOrder);
        // And again: nothing changes any more.
        expect(look(tenant, last, last.created)).toBe(tenant);
      }),
      { numRuns: seeds(1_000) },
    );
  });

  it('never revive what was cancelled, though a late look says that it is active', () => {
    const ended = life.reduce((tenant, moment) => look(tenant, moment, moment.created), founded);
    for (const moment of life) {
      const revived = seen(look(ended, moment, last.created));
      expect([revived.subscription, revived.plan, revived.standing]).toEqual([null, 'free', { kind: 'active' }]);
    }
  });
});
