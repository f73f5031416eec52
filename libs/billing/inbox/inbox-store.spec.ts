import type { Pool } from 'pg';
import { createPool } from '#platform/database/connections/pools';
import { createScopedDb } from '#platform/database/scoped/scoped-db';
import { uuidv7 } from '#platform/ids/uuid';
import { createTestDatabase, type TestDatabase } from '#testing/database';
import { shiftClock } from '#testing/shifted-clock';
import { createStripeOutbox } from '../outbox/stripe-outbox';
import { type ClaimedCustomer, createInboxStore, type InboxStore, LEASE_SECONDS, takeIn } from './inbox-store';
import type { StripeEvent } from './stripe-event';

const mode = { account: '', livemode: false };

describe('the customers that are to be looked at', () => {
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
  const told = (customerId: string, more: Partial<StripeEvent> = {}): StripeEvent => ({
    ...{ ...mode, eventId: `evt_${++events}`, type: 'invoice.paid', customerId, createdAt: new Date() },
    ...{ payload: '{}', state: 'pending', reason: null },
    ...more,
  });
  const tell = (...many: StripeEvent[]): Promise<void> => takeIn(pool, many, 'webhook');
  const claimOne = async (): Promise<ClaimedCustomer> => {
    const [work] = await store.claim(1);
    if (!work) throw new Error('nobody is due');
    return work;
  };
  const linked = async (customerId: string, livemode = false): Promise<string> => {
    const tenantId = uuidv7();
    const row = ['', livemode, customerId, tenantId];
    await owner.query(
      'insert into billing.customers (account, livemode, customer_id, tenant_id) values ($1, $2, $3, $4)',
      row,
    );
    return tenantId;
  };

  it('are given out one by one, also where PostgreSQL takes their table for a small one', async () => {
    await tell(told('cus_later'));
    await owner.query(`update billing.work set due_at = lease.now() + interval '1 hour'`);
    await owner.query('vacuum analyze billing.work');
    await tell(...Array.from({ length: 10 }, (_, at) => told(`cus_${at}`)));
    const given: string[][] = [];
    for (let at = 0; at < 11; at++) given.push((await store.claim(1)).map(({ customerId }) => customerId));
    expect(given.map(({ length }) => length)).toEqual([...Array.from({ length: 10 }, () => 1), 0]);
    expect(new Set(given.flat()).size).toBe(10);
  });

  it('are those of this mode alone', async () => {
    await tell(told('cus_live', { livemode: true }));
    expect(await store.claim(5)).toEqual([]);
    await linked('cus_live', true);
    expect(await store.ask(null)).toBe(0);
  });

  it('are looked at once more where somebody asked during a look', async () => {
    await linked('cus_1');
    await tell(told('cus_1'));
    const work = await claimOne();
    const pending = await store.pendingOf(work);
    await store.ask(null);
    expect(await store.finish(work, pending)).toBe(true);
    const again = await claimOne();
    expect(again.reconcile).toBe(true);
    expect(await store.finish(again, [])).toBe(true);
    expect(await store.claim(1)).toEqual([]);
  });

  it('are looked at once more where something came during a look', async () => {
    await tell(told('cus_1'));
    const work = await claimOne();
    const pending = await store.pendingOf(work);
    await tell(told('cus_1'));
    expect(await store.finish(work, pending)).toBe(true);
    expect(await store.pendingOf(await claimOne())).toHaveLength(1);
  });

  it('are looked at once more where the look took longer than its lease', async () => {
    await tell(told('cus_1'));
    const slow = await claimOne();
    await owner.query(`update billing.work set leased_until = lease.now() - interval '1 second'`);
    const fast = await claimOne();
    expect(await store.finish(fast, await store.pendingOf(fast))).toBe(true);
    // What it did after the other one may have been older.
    expect(await store.finish(slow, [])).toBe(false);
    expect((await claimOne()).customerId).toBe('cus_1');
    expect(LEASE_SECONDS).toBeGreaterThan(5);
  });

  it.each([
    ['ahead', '10 minutes'],
    ['behind', '-10 minutes'],
  ])('are another worker’s after the lease, though the clock was ten minutes %s when it began', async (_, by) => {
    await shifted.by(by);
    await tell(told('cus_1'));
    const dead = await claimOne();
    await shifted.by('0');
    expect(await store.claim(1)).toEqual([]);
    await owner.query(`update lease.clock set at = at + interval '11 seconds'`);
    const heir = await claimOne();
    await store.putOff(dead, 3_600_000);
    expect(await store.finish(dead, await store.pendingOf(dead))).toBe(false);
    expect(await store.pendingOf(heir)).toHaveLength(1);
    expect(await store.finish(heir, await store.pendingOf(heir))).toBe(true);
  });

  it.each([
    ['ahead', '10 minutes'],
    ['behind', '-10 minutes'],
  ])('are due at once where the clock was ten minutes %s when Stripe told of them', async (_, by) => {
    await shifted.by(by);
    await tell(told('cus_1'));
    await shifted.by('0');
    expect((await claimOne()).customerId).toBe('cus_1');
  });

  it('say since when they fail, until a look succeeds', async () => {
    await tell(told('cus_1'));
    const first = await claimOne();
    expect([first.attempts, first.failingMs]).toEqual([0, null]);
    await store.putOff(first, 0);
    const second = await claimOne();
    expect([second.attempts, second.failingMs]).toEqual([1, 0]);
    await owner.query(`update lease.clock set at = at + interval '1 minute'`);
    await store.putOff(second, 0);
    const third = await claimOne();
    expect([third.attempts, third.failingMs]).toEqual([2, 60_000]);
    await tell(told('cus_1'));
    await store.finish(third, []);
    expect(await claimOne()).toMatchObject({ attempts: 0, failingMs: null });
  });

  it('are not those of events that do not say whose they are, until that is known', async () => {
    const nameless = told('', { customerId: null, type: 'charge.dispute.created' });
    await tell(nameless);
    expect(await store.claim(1)).toEqual([]);
    const [event] = await store.nameless(10);
    expect(event?.eventId).toBe(nameless.eventId);
    if (event) await store.name(event, 'cus_1');
    expect(await store.nameless(10)).toEqual([]);
    expect((await claimOne()).customerId).toBe('cus_1');
  });

  it('have those whose owner cannot be found out behind the others, and put aside after a day', async () => {
    const [bad, good] = [1, 2].map(() => told('', { customerId: null, type: 'charge.dispute.created' }));
    await tell(bad as StripeEvent);
    const [failing] = await store.nameless(1);
    if (!failing) throw new Error('it waits');
    expect(await store.stayNameless(failing, 60_000, 'away')).toBe(false);
    await tell(good as StripeEvent);
    expect((await store.nameless(2)).map(({ eventId }) => eventId)).toEqual([good?.eventId, bad?.eventId]);
    await owner.query(`update billing.inbox set failing_since = failing_since - interval '61 seconds'`);
    expect(await store.stayNameless(failing, 60_000, 'away')).toBe(true);
    const { rows } = await owner.query('select state, reason from billing.inbox where event_id = $1', [bad?.eventId]);
    expect(rows).toEqual([{ state: 'parked', reason: 'away' }]);
  });

  it('are waited for by their tenant, until a look has failed', async () => {
    const tenantId = await linked('cus_1');
    const app = createPool({ url: database.urls.app, max: 1, applicationName: 'test' });
    const calls = createStripeOutbox(createScopedDb(app), mode);
    await tell(told('cus_1'));
    expect([await calls.isAtWork(tenantId), await calls.isWellAtWork(tenantId)]).toEqual([true, true]);
    await store.putOff(await claimOne(), 60_000);
    expect([await calls.isAtWork(tenantId), await calls.isWellAtWork(tenantId)]).toEqual([true, false]);
    await app.end();
  });

  it('are forgotten with what was done, and late with what waits for an operator', async () => {
    await tell(told('cus_1', { state: 'ignored' }), told('cus_2', { state: 'quarantined' }), told('cus_3'));
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

describe('how far the list of events was read', () => {
  it('never goes back', async () => {
    const database = await createTestDatabase();
    const pool = createPool({ url: database.urls.projector, max: 1, applicationName: 'test' });
    const store = createInboxStore(pool, mode);
    expect(await store.listedUntil()).toBeUndefined();
    const [early, late] = [new Date('2026-01-01T00:00:00Z'), new Date('2026-01-02T00:00:00Z')];
    await store.noteListed(late);
    await store.noteListed(early);
    expect(await store.listedUntil()).toEqual(late);
    await pool.end();
    await database.drop();
  });
});
