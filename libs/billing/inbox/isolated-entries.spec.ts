import type { Pool } from 'pg';
import { createPool } from '#platform/database/connections/pools';
import { createTestDatabase, type TestDatabase } from '#testing/database';
import { backfill } from './backfill';
import { createInboxStore } from './inbox-store';
import { readStripeEvent } from './stripe-event';
import { createWebhookIntake } from './webhook-intake';

jest.setTimeout(60_000);

const mode = { account: '', livemode: false };
const created = 1_700_000_000;
const payloadOf = (id: string): string =>
  JSON.stringify({
    ...{ id, type: 'invoice.paid', created, livemode: false },
    data: { object: { object: 'invoice', customer: 'cus_1' } },
  });

describe('an event that the database refuses', () => {
  let database: TestDatabase;
  let pool: Pool;
  let owner: Pool;

  beforeAll(async () => {
    database = await createTestDatabase();
    pool = createPool({ url: database.urls.projector, max: 2, applicationName: 'test' });
    owner = createPool({ url: database.urls.owner, max: 1, applicationName: 'test' });
    await owner.query(`alter table billing.inbox add constraint not_bad check (event_id <> 'evt_bad')`);
  });
  beforeEach(() => owner.query('truncate billing.work, billing.inbox, billing.listed'));
  afterAll(async () => {
    await Promise.all([pool.end(), owner.end()]);
    await database.drop();
  });

  const storedEvents = async () =>
    (await owner.query('select event_id, state, via from billing.inbox order by received_at, event_id')).rows;

  it('is the only quarantined one of Stripe’s list, which is read to its end', async () => {
    const store = createInboxStore(pool, mode);
    const pages = [['evt_1', 'evt_bad', 'evt_2'], ['evt_3']].map((ids) => ids.map(payloadOf));
    const gateway = {
      events: async function* () {
        yield* pages;
      },
    };
    expect(await backfill({ pool, store, gateway, mode })).toBe(4);
    const rows = await storedEvents();
    expect(rows).toHaveLength(4);
    for (const id of ['evt_1', 'evt_2', 'evt_3'])
      expect(rows).toContainEqual({ event_id: id, state: 'pending', via: 'list' });
    const unreadable = { event_id: expect.stringMatching(/^unreadable_/), state: 'quarantined', via: 'list' };
    expect(rows).toContainEqual(unreadable);
    expect(await store.listedUntil()).toEqual(new Date(created * 1_000));
    // Events that are stored already change nothing.
    await backfill({ pool, store, gateway, mode });
    expect(await storedEvents()).toHaveLength(4);
  });

  it('is the only refused one of several webhooks', async () => {
    const receive = createWebhookIntake(pool, () => undefined);
    // One statement stores the first event. The others wait meanwhile, and the next statement stores them together.
    const outcomes = await Promise.allSettled(
      ['evt_0', 'evt_1', 'evt_bad', 'evt_2'].map((id) => receive(readStripeEvent(payloadOf(id), mode))),
    );
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected', 'fulfilled']);
    expect(await storedEvents()).toHaveLength(3);
  });
});
