import type { Pool } from 'pg';
import { createPool } from '#platform/database/connections/pools';
import { createScopedDb } from '#platform/database/scoped/scoped-db';
import { uuidv7 } from '#platform/ids/uuid';
import { createTestDatabase, type TestDatabase } from '#testing/database';
import { shiftClock } from '#testing/shifted-clock';
import { createStripeOutbox } from '../outbox/stripe-outbox';
import { type ClaimedCustomer, LEASE_SECONDS } from './customer-queue';
import { createInboxStore, type InboxStore, storeEvents } from './inbox-store';
import { type StripeEvent } from './stripe-event';

const mode = { account: '', livemode: false };

describe('the customers to process', () => {
  let database: TestDatabase;
  let pool: Pool;
  let owner: Pool;
  let store: InboxStore;
  let shifted: Awaited<ReturnType<typeof shiftClock>>;

  beforeAll(async () => {
    database = await createTestDatabase();
    pool = createPool({ url: database.urls.projector, max: 2, applicationName: 'test' });
    owner = createPool({ url: database.urls.owner, max: 1, applicationName: 'test' });
    store = createInboxStore(pool, mode);
    shifted = await shiftClock(owner);
  });
  beforeEach(async () => {
    await shifted.by('0');
    await owner.query('truncate billing.work, billing.inbox, billing.customers');
  });
  afterAll(async () => {
    await Promise.all([pool.end(), owner.end()]);
    await database.drop();
  });

  let events = 0;
  const eventOf = (customerId: string, more: Partial<StripeEvent> = {}): StripeEvent => ({
    ...{ ...mode, eventId: `evt_${++events}`, type: 'invoice.paid', customerId, createdAt: new Date() },
    ...{ payload: '{}', state: 'pending', reason: null },
    ...more,
  });
  const receive = (...many: StripeEvent[]): Promise<void> => storeEvents(pool, many, 'webhook');
  const claimOne = async (): Promise<ClaimedCustomer> => {
    const [customer] = await store.claim(1);
    if (!customer) throw new Error('no customer is due');
    return customer;
  };
  const linkCustomer = async (customerId: string, livemode = false): Promise<string> => {
    const tenantId = uuidv7();
    const row = ['', livemode, customerId, tenantId];
    await owner.query(
      'insert into billing.customers (account, livemode, customer_id, tenant_id) values ($1, $2, $3, $4)',
      row,
    );
    return tenantId;
  };

  it('are claimed one by one, even if the statistics of PostgreSQL say that the table is small', async () => {
    await receive(eventOf('cus_later'));
    await owner.query(`update billing.work set due_at = lease.now() + interval '1 hour'`);
    await owner.query('vacuum analyze billing.work');
    await receive(...Array.from({ length: 10 }, (_, at) => eventOf(`cus_${at}`)));
    const claimed: string[][] = [];
    for (let at = 0; at < 11; at++) claimed.push((await store.claim(1)).map(({ customerId }) => customerId));
    expect(claimed.map(({ length }) => length)).toEqual([...Array.from({ length: 10 }, () => 1), 0]);
    expect(new Set(claimed.flat()).size).toBe(10);
  });

  it('are only those of this mode', async () => {
    await receive(eventOf('cus_live', { livemode: true }));
    expect(await store.claim(5)).toEqual([]);
    await linkCustomer('cus_live', true);
    expect(await store.requestReconciliation(null)).toBe(0);
  });

  it('are processed again after a request that came during the work', async () => {
    await linkCustomer('cus_1');
    await receive(eventOf('cus_1'));
    const customer = await claimOne();
    const pending = await store.pendingOf(customer);
    await store.requestReconciliation(null);
    expect(await store.finish(customer, pending)).toBe(true);
    const again = await claimOne();
    expect(again.reconcile).toBe(true);
    expect(await store.finish(again, [])).toBe(true);
    expect(await store.claim(1)).toEqual([]);
  });

  it('are processed again after an event that came during the work', async () => {
    await receive(eventOf('cus_1'));
    const customer = await claimOne();
    const pending = await store.pendingOf(customer);
    await receive(eventOf('cus_1'));
    expect(await store.finish(customer, pending)).toBe(true);
    expect(await store.pendingOf(await claimOne())).toHaveLength(1);
  });

  it('are processed again if the work took longer than its lease', async () => {
    await receive(eventOf('cus_1'));
    const slow = await claimOne();
    await owner.query(`update billing.work set leased_until = lease.now() - interval '1 second'`);
    const fast = await claimOne();
    expect(await store.finish(fast, await store.pendingOf(fast))).toBe(true);
    // The slow worker may have written an older state after the fast one.
    expect(await store.finish(slow, [])).toBe(false);
    expect((await claimOne()).customerId).toBe('cus_1');
    expect(LEASE_SECONDS).toBeGreaterThan(5);
  });

  it.each([
    ['ahead', '10 minutes'],
    ['behind', '-10 minutes'],
  ])(
    'can be claimed by another worker after the lease, although the clock was ten minutes %s when the lease began',
    async (_, by) => {
      await shifted.by(by);
      await receive(eventOf('cus_1'));
      const killed = await claimOne();
      await shifted.by('0');
      expect(await store.claim(1)).toEqual([]);
      await owner.query(`update lease.clock set at = at + interval '11 seconds'`);
      const successor = await claimOne();
      await store.putOff(killed, 3_600_000);
      expect(await store.finish(killed, await store.pendingOf(killed))).toBe(false);
      expect(await store.pendingOf(successor)).toHaveLength(1);
      expect(await store.finish(successor, await store.pendingOf(successor))).toBe(true);
    },
  );

  it.each([
    ['ahead', '10 minutes'],
    ['behind', '-10 minutes'],
  ])('are due at once, although the clock was ten minutes %s when their event was stored', async (_, by) => {
    await shifted.by(by);
    await receive(eventOf('cus_1'));
    await shifted.by('0');
    expect((await claimOne()).customerId).toBe('cus_1');
  });

  it('have the duration of their failures, until the work succeeds', async () => {
    await receive(eventOf('cus_1'));
    const first = await claimOne();
    expect([first.attempts, first.failingMs]).toEqual([0, null]);
    await store.putOff(first, 0);
    const second = await claimOne();
    expect([second.attempts, second.failingMs]).toEqual([1, 0]);
    await owner.query(`update lease.clock set at = at + interval '1 minute'`);
    await store.putOff(second, 0);
    const third = await claimOne();
    expect([third.attempts, third.failingMs]).toEqual([2, 60_000]);
    await receive(eventOf('cus_1'));
    await store.finish(third, []);
    expect(await claimOne()).toMatchObject({ attempts: 0, failingMs: null });
  });

  it('of an event that names no customer are due once the customer is set', async () => {
    const dispute = eventOf('', { customerId: null, type: 'charge.dispute.created' });
    await receive(dispute);
    expect(await store.claim(1)).toEqual([]);
    const [event] = await store.withoutCustomer(10);
    expect(event?.eventId).toBe(dispute.eventId);
    if (event) await store.setCustomer(event, 'cus_1');
    expect(await store.withoutCustomer(10)).toEqual([]);
    expect((await claimOne()).customerId).toBe('cus_1');
  });

  it('of an event that names no customer are read last after a failure, and the event is parked if it fails for too long', async () => {
    const [bad, good] = [1, 2].map(() => eventOf('', { customerId: null, type: 'charge.dispute.created' }));
    await receive(bad as StripeEvent);
    const [failing] = await store.withoutCustomer(1);
    if (!failing) throw new Error('no event waits');
    expect(await store.noteCustomerUnknown(failing, 60_000, 'Stripe is not available')).toBe(false);
    await receive(good as StripeEvent);
    expect((await store.withoutCustomer(2)).map(({ eventId }) => eventId)).toEqual([good?.eventId, bad?.eventId]);
    await owner.query(`update billing.inbox set failing_since = failing_since - interval '61 seconds'`);
    expect(await store.noteCustomerUnknown(failing, 60_000, 'Stripe is not available')).toBe(true);
    const { rows } = await owner.query('select state, reason from billing.inbox where event_id = $1', [bad?.eventId]);
    expect(rows).toEqual([{ state: 'parked', reason: 'Stripe is not available' }]);
  });

  it('make their tenant wait, until the work has failed', async () => {
    const tenantId = await linkCustomer('cus_1');
    const app = createPool({ url: database.urls.app, max: 1, applicationName: 'test' });
    const outbox = createStripeOutbox(createScopedDb(app), mode);
    await receive(eventOf('cus_1'));
    expect([await outbox.isSyncPending(tenantId), await outbox.isSyncPendingUnfailed(tenantId)]).toEqual([true, true]);
    await store.putOff(await claimOne(), 60_000);
    expect([await outbox.isSyncPending(tenantId), await outbox.isSyncPendingUnfailed(tenantId)]).toEqual([true, false]);
    await app.end();
  });

  it('lose their events when these are finished, and later those that wait for an operator', async () => {
    await receive(eventOf('cus_1', { state: 'ignored' }), eventOf('cus_2', { state: 'quarantined' }), eventOf('cus_3'));
    const left = async (): Promise<string[]> =>
      (await owner.query('select state from billing.inbox order by state')).rows.map(({ state }) => state);
    await owner.query(`update billing.inbox set received_at = now() - interval '100 days'`);
    await store.purge(90);
    expect(await left()).toEqual(['pending', 'quarantined']);
    await owner.query(`update billing.inbox set received_at = now() - interval '361 days'`);
    await store.purge(90);
    expect(await left()).toEqual(['pending']);
  });
});
