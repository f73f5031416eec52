import type { Pool } from 'pg';
import { createPool } from '#platform/database/connections/pools';
import { createTestDatabase, type TestDatabase } from '#testing/database';
import { backfill } from './backfill';
import { createInboxStore, type InboxStore, storeEvents } from './inbox-store';
import { readStripeEvent } from './stripe-event';

const mode = { account: '', livemode: false };

describe('how far the list of events was read', () => {
  let database: TestDatabase;
  let pool: Pool;
  let store: InboxStore;

  beforeEach(async () => {
    database = await createTestDatabase();
    pool = createPool({ url: database.urls.projector, max: 1, applicationName: 'test' });
    store = createInboxStore(pool, mode);
  });
  afterEach(async () => {
    await pool.end();
    await database.drop();
  });

  const eventAt = (id: string, at: Date, account?: string): string =>
    JSON.stringify({
      ...{ id, object: 'event', type: 'invoice.paid', created: at.getTime() / 1_000, livemode: false },
      ...{ data: { object: { id: 'in_1', customer: 'cus_1' } }, ...(account !== undefined && { account }) },
    });

  it('never goes back', async () => {
    expect(await store.listedUntil()).toBeUndefined();
    const [early, late] = [new Date('2026-01-01T00:00:00Z'), new Date('2026-01-02T00:00:00Z')];
    await store.noteListed(late);
    await store.noteListed(early);
    expect(await store.listedUntil()).toEqual(late);
  });

  it('is not later than now, although an event of a test clock has a time in the future', async () => {
    const [now, future] = [new Date('2026-01-01T00:00:00Z'), new Date('2046-01-01T00:00:00Z')];
    const gateway = {
      events: async function* () {
        yield [eventAt('evt_1', future)];
      },
    };
    await backfill({ pool, store, gateway, mode }, now.getTime());
    expect(await store.listedUntil()).toEqual(now);
    expect(await store.newestEventTime()).toEqual(future);
  });

  it('does not depend on the times of events of another account, which are quarantined', async () => {
    const [own, other] = [new Date('2026-01-01T00:00:00Z'), new Date('2046-01-01T00:00:00Z')];
    const events = [eventAt('evt_1', own), eventAt('evt_2', other, 'acct_other')];
    await storeEvents(
      pool,
      events.map((payload) => readStripeEvent(payload, mode)),
      'webhook',
    );
    expect(await store.newestEventTime()).toEqual(own);
  });
});
