import type { Pool } from 'pg';
import { type OpenCommandBus, openCommandBus } from '#commands/command-bus';
import { FollowStripe } from '#domain/tenant/decide-billing';
import { type Tenant, tenantFold } from '#domain/tenant/evolve';
import { AggregateStore, type CommandResult } from '#event-log/aggregate/aggregate-store';
import { createCatalogue } from '#plans/catalogue/index';
import { unlimited } from '#plans/limit-guard.port';
import { createPool } from '#platform/database/connections/pools';
import { uuidv7 } from '#platform/ids/uuid';
import { silentLogger } from '#platform/logging/logger.port';
import { createTestDatabase, type TestDatabase } from '#testing/database';
import { InMemoryEventLog } from '#testing/in-memory-event-log';
import { tenantCreated } from '#testing/tenant-facts';
import type { StripeSnapshot } from '../stripe-snapshot';
import { createInboxProcessor, type InboxProcessorDeps } from './inbox-processor';
import { createInboxStore, type InboxStore, storeEvents } from './inbox-store';

const mode = { account: '', livemode: false };
const catalogue = createCatalogue();
const price = catalogue.pricesOf('pro')?.price ?? '';
const begun = Date.parse('2026-06-01T00:00:00Z') / 1_000;

/** A state of the customer at Stripe: one subscription with this status. */
const snapshotOf = (status: string, more: Partial<StripeSnapshot> = {}): StripeSnapshot => {
  const period = { current_period_start: begun, current_period_end: begun + 2_592_000 };
  const data = [{ id: 'si_1', price: { id: price }, ...period }];
  const dates = { created: begun, trial_end: null, cancel_at: null, cancel_at_period_end: false };
  const subscription = { id: 'sub_1', status, ...dates, items: { data }, latest_invoice: null };
  return { deleted: false, subscriptions: [subscription], invoices: [], ...more };
};

describe('a worker whose customer another worker has taken over', () => {
  let database: TestDatabase;
  let pool: Pool;
  let owner: Pool;
  let inbox: InboxStore;
  let aggregates: AggregateStore;
  let commands: OpenCommandBus;
  let log: InMemoryEventLog;
  let tenantId: string;
  let events = 0;

  beforeAll(async () => {
    database = await createTestDatabase();
    pool = createPool({ url: database.urls.projector, max: 4, applicationName: 'test' });
    owner = createPool({ url: database.urls.owner, max: 1, applicationName: 'test' });
    inbox = createInboxStore(pool, mode);
  });
  beforeEach(async () => {
    await owner.query('truncate billing.work, billing.inbox, billing.customers');
    log = new InMemoryEventLog();
    aggregates = new AggregateStore({ log });
    commands = await openCommandBus({ store: aggregates, limits: unlimited, logger: silentLogger });
    tenantId = uuidv7();
    const [actor, commandId] = [{ kind: 'system' } as const, uuidv7()];
    const events = [tenantCreated];
    await log.append({ stream: stream(), expected: 0, events, commandId, actor, correlationId: 'test' });
    await owner.query(
      `insert into billing.customers (account, livemode, customer_id, tenant_id) values ('', false, $1, $2)`,
      [...['cus_1', tenantId]],
    );
    await storeEvent();
    await processorOf(snapshotOf('active')).drain();
    await storeEvent();
  });
  afterEach(() => commands.close());
  afterAll(async () => {
    await Promise.all([pool.end(), owner.end()]);
    await database.drop();
  });

  const stream = () => ({ tenantId, aggregate: tenantFold.aggregate, id: tenantId });
  const storeEvent = (): Promise<void> =>
    storeEvents(
      pool,
      [
        {
          ...{ ...mode, eventId: `evt_${++events}`, type: 'customer.subscription.updated', customerId: 'cus_1' },
          ...{ createdAt: new Date(), payload: '{}', state: 'pending', reason: null },
        },
      ],
      'webhook',
    );
  const processorOf = (snapshot: StripeSnapshot, more: Partial<InboxProcessorDeps> = {}) =>
    createInboxProcessor({
      store: inbox,
      gateway: { snapshot: async () => snapshot, cancelNow: async () => undefined, customerOfCharge: async () => null },
      catalogue,
      logger: silentLogger,
      now: () => Date.parse('2026-06-02T00:00:00Z'),
      accountOf: async (id) => {
        const { state } = await aggregates.load(tenantFold, { ...stream(), tenantId: id, id });
        return state.status === 'open' ? state.account : undefined;
      },
      follow: async (id, facts, correlationId, seen) => {
        const context = { commandId: uuidv7(), actor: { kind: 'stripe' } as const, correlationId };
        const command = new FollowStripe(id, { facts, seen }, context);
        return (await commands.bus.execute<FollowStripe, CommandResult<Tenant>>(command)).state.status;
      },
      ...more,
    });
  /** The lease ends, and another worker processes the customer with this newer state. */
  const overtake = async (snapshot: StripeSnapshot): Promise<void> => {
    await owner.query(`update lease.clock set at = at + interval '11 seconds'`);
    expect(await processorOf(snapshot).drain()).toEqual({ handled: 1 });
  };
  const once = (work: () => Promise<void>): (() => Promise<void>) => {
    let done: Promise<void> | undefined;
    return () => {
      done ??= work();
      return done;
    };
  };
  const typesOfEvents = async (): Promise<string[]> => (await log.readStream(stream())).map(({ type }) => type);

  it('appends nothing if it lost the customer while it waited for Stripe', async () => {
    const before = await typesOfEvents();
    expect(before).toContain('SubscriptionStarted');
    const overtaken = once(() => overtake(snapshotOf('active')));
    let isFirst = true;
    const snapshot = async (): Promise<StripeSnapshot> => {
      if (!isFirst) return snapshotOf('active');
      isFirst = false;
      await overtaken();
      return snapshotOf('past_due');
    };
    const gateway = { snapshot, cancelNow: async () => undefined, customerOfCharge: async () => null };
    await processorOf(snapshotOf('active'), { gateway }).drain();
    expect(await typesOfEvents()).toEqual(before);
  });

  it('does not overwrite a newer state if it lost the customer after it renewed the lease', async () => {
    const overtaken = once(() => overtake(snapshotOf('trialing')));
    const store: InboxStore = {
      ...inbox,
      renew: async (customer) => {
        const isOurs = await inbox.renew(customer);
        await overtaken();
        return isOurs;
      },
    };
    await processorOf(snapshotOf('past_due'), { store }).drain();
    const [last] = (await typesOfEvents()).slice(-1);
    expect(last).toBe('SubscriptionUpdated');
    const { state } = await aggregates.load(tenantFold, stream());
    expect(state).toMatchObject({ account: { subscription: { status: 'trialing' }, standing: { kind: 'active' } } });
  });

  it('does not record a customer as deleted if it lost the customer after its append', async () => {
    const overtaken = once(() => overtake(snapshotOf('active')));
    const store: InboxStore = {
      ...inbox,
      forget: async (customer) => {
        await overtaken();
        return inbox.forget(customer);
      },
    };
    await processorOf(snapshotOf('active', { deleted: true }), { store }).drain();
    const { rows } = await owner.query('select deleted_at from billing.customers');
    expect(rows).toEqual([{ deleted_at: null }]);
  });
});
