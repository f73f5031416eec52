import Stripe from 'stripe';
import { DAY_MS, ENTERPRISE, PRO, SEAT, useStripeSim } from '#test/support/worlds/stripe-sim';

describe('the Stripe simulator, used with the SDK', () => {
  const world = useStripeSim();
  const { subscribe, useCard, typesOf, customer } = world;

  it('renews a subscription, retries failed payments, and ends the subscription after the last failure', async () => {
    const { id, customer: owner, items } = await subscribe();
    const end = items.data[0]?.current_period_end ?? 0;
    await useCard(String(owner), 'pm_card_chargeCustomerFail');
    world.sim.control.advanceToNext();
    const late = await world.stripe.subscriptions.retrieve(id, { expand: ['latest_invoice'] });
    expect([late.status, late.items.data[0]?.current_period_start]).toEqual(['past_due', end]);
    expect(late.latest_invoice).toMatchObject({ status: 'open', attempt_count: 1, amount_due: 4_900 });
    for (const attempts of [2, 3]) {
      world.sim.control.advanceToNext();
      const [invoice] = (await world.stripe.invoices.list({ subscription: id })).data;
      expect(invoice?.attempt_count).toBe(attempts);
    }
    world.sim.control.advanceToNext();
    expect((await world.stripe.subscriptions.retrieve(id)).status).toBe('canceled');
    expect((await typesOf()).filter((it) => it === 'invoice.payment_failed')).toHaveLength(4);
  });

  it('activates a subscription again once the open invoice is paid', async () => {
    const { id, customer: owner } = await subscribe();
    await useCard(String(owner), 'pm_card_chargeCustomerFail');
    world.sim.control.advanceToNext();
    const [invoice] = (await world.stripe.invoices.list({ subscription: id })).data;
    await expect(world.stripe.invoices.pay(invoice?.id ?? '')).rejects.toBeInstanceOf(Stripe.errors.StripeCardError);
    await useCard(String(owner), 'pm_card_visa');
    expect((await world.stripe.invoices.pay(invoice?.id ?? '')).status).toBe('paid');
    expect((await world.stripe.subscriptions.retrieve(id)).status).toBe('active');
  });

  it('activates a subscription again once a later invoice is paid, even if older ones are open', async () => {
    const { id, customer: owner, items } = await subscribe();
    await useCard(String(owner), 'pm_card_chargeCustomerFail');
    world.sim.control.advanceToNext();
    await useCard(String(owner), 'pm_card_visa');
    const wanted = [{ id: items.data[0]?.id ?? '', price: ENTERPRISE }];
    await world.stripe.subscriptions.update(id, { items: wanted, proration_behavior: 'always_invoice' });
    const invoices = (await world.stripe.invoices.list({ subscription: id })).data;
    expect(invoices.map(({ status }) => status)).toEqual(['paid', 'open', 'paid']);
    expect((await world.stripe.subscriptions.retrieve(id)).status).toBe('active');
  });

  it('refuses a second item with the same price', async () => {
    const { id } = await subscribe();
    await world.stripe.subscriptions.update(id, { items: [{ price: SEAT, quantity: 15 }] });
    const again = world.stripe.subscriptions.update(id, { items: [{ price: SEAT, quantity: 15 }] });
    await expect(again).rejects.toMatchObject({ statusCode: 400 });
    expect((await world.stripe.subscriptions.retrieve(id)).items.data).toHaveLength(2);
  });

  it('charges the previewed amount for a change', async () => {
    const { id, items } = await subscribe();
    world.sim.control.advance(10 * DAY_MS);
    const at = world.sim.control.now();
    const change = { items: [{ id: items.data[0]?.id ?? '', price: ENTERPRISE }], proration_date: at };
    const shown = await world.stripe.invoices.createPreview({
      subscription: id,
      subscription_details: { ...change, proration_behavior: 'always_invoice' },
    });
    world.sim.control.advance(DAY_MS);
    await world.stripe.subscriptions.update(id, { ...change, proration_behavior: 'always_invoice' });
    const [invoice] = (await world.stripe.invoices.list({ subscription: id })).data;
    expect([invoice?.total, invoice?.status]).toEqual([shown.total, 'paid']);
    expect(shown.total).toBeGreaterThan(0);
    expect(shown.total).toBeLessThan(49_900 - 4_900);
  });

  it('changes nothing if the card does not pay for a change', async () => {
    const { id, customer: owner, items } = await subscribe();
    await useCard(String(owner), 'pm_card_chargeCustomerFail');
    const wanted = [{ id: items.data[0]?.id ?? '', price: ENTERPRISE }];
    await expect(
      world.stripe.subscriptions.update(id, {
        ...{ items: wanted, proration_behavior: 'always_invoice', payment_behavior: 'error_if_incomplete' },
      }),
    ).rejects.toBeInstanceOf(Stripe.errors.StripeCardError);
    expect((await world.stripe.subscriptions.retrieve(id)).items.data[0]?.price.id).toBe(PRO);
  });

  it('sends an event before a trial ends, and pauses a subscription without a card', async () => {
    const owner = await customer();
    const { id } = await world.stripe.subscriptions.create({
      customer: owner,
      items: [{ price: PRO }],
      trial_period_days: 10,
    });
    world.sim.control.advance(8 * DAY_MS);
    expect(await typesOf()).toContain('customer.subscription.trial_will_end');
    world.sim.control.advance(3 * DAY_MS);
    expect((await world.stripe.subscriptions.retrieve(id)).status).toBe('paused');
    expect((await world.stripe.subscriptions.resume(id)).status).toBe('active');
    expect(await typesOf()).toEqual(
      expect.arrayContaining(['customer.subscription.paused', 'customer.subscription.resumed']),
    );
  });

  it('ends the subscriptions of a deleted customer', async () => {
    const { id, customer: owner } = await subscribe();
    expect((await world.stripe.customers.del(String(owner))).deleted).toBe(true);
    expect((await world.stripe.subscriptions.retrieve(id)).status).toBe('canceled');
    expect((await typesOf()).slice(-2)).toEqual(['customer.subscription.deleted', 'customer.deleted']);
  });
});
