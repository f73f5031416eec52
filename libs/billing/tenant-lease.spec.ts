import type { Pool } from 'pg';
import { createPool } from '#platform/database/connections/pools';
import { createScopedDb } from '#platform/database/scoped/scoped-db';
import { uuidv7 } from '#platform/ids/uuid';
import { LeaseLost } from '#platform/lease/held-lease';
import { createTestDatabase, type TestDatabase } from '#testing/database';
import { shiftClock } from '#testing/shifted-clock';
import { createStripeOutbox } from './outbox/stripe-outbox';
import { claimUnansweredChanges, isStillWanted } from './outbox/unanswered-changes';
import {
  createTenantLeases,
  createWorkerLeases,
  type TenantLease,
  type TenantLeases,
  TenantLeaseTaken,
} from './tenant-lease';

describe('the lease for changes of a tenant', () => {
  let database: TestDatabase;
  let pools: Pool[];
  let api: TenantLeases;
  let worker: TenantLeases;

  beforeAll(async () => {
    database = await createTestDatabase();
    const open = (connectionString: string) => createPool({ url: connectionString, max: 8, applicationName: 'test' });
    pools = [open(database.urls.app), open(database.urls.projector), open(database.urls.owner)];
    api = createTenantLeases(createScopedDb(pools[0] as Pool));
    worker = createWorkerLeases(pools[1] as Pool);
  });
  afterAll(async () => {
    await Promise.all(pools.map((pool) => pool.end()));
    await database.drop();
  });

  it('is held by one process at a time, and each process gets it', async () => {
    const tenantId = uuidv7();
    let [running, most, done] = [0, 0, 0];
    const work = async (): Promise<void> => {
      running += 1;
      most = Math.max(most, running);
      await new Promise((resolve) => setTimeout(resolve, 5));
      running -= 1;
      done += 1;
    };
    await Promise.all(Array.from({ length: 8 }, (_, n) => (n % 2 ? api : worker).withLease(tenantId, 10_000, work)));
    expect([most, done]).toEqual([1, 8]);
  });

  it('is refused to a caller that does not wait, while the lease of another tenant is free', async () => {
    const [tenantId, other] = [uuidv7(), uuidv7()];
    await api.withLease(tenantId, 0, async () => {
      await expect(worker.withLease(tenantId, 0, async () => 1)).rejects.toThrow(TenantLeaseTaken);
      expect(await api.withLease(other, 0, async () => 2)).toBe(2);
    });
    expect(await worker.withLease(tenantId, 0, async () => 3)).toBe(3);
  });

  it('is released after its work failed', async () => {
    const tenantId = uuidv7();
    await expect(api.withLease(tenantId, 0, () => Promise.reject(new Error('the work failed')))).rejects.toThrow(
      'the work failed',
    );
    expect(await api.withLease(tenantId, 0, async () => 1)).toBe(1);
  });

  it('of a killed process can be claimed by another one after its time', async () => {
    const tenantId = uuidv7();
    await pools[2]?.query('insert into billing.turns values ($1, $2, lease.now())', [tenantId, uuidv7()]);
    expect(await api.withLease(tenantId, 0, async () => 1)).toBe(1);
  });

  it('ends by lease time, also if the clock was ten minutes ahead or behind when it was claimed', async () => {
    const owner = pools[2] as Pool;
    const shifted = await shiftClock(owner);
    for (const by of ['10 minutes', '-10 minutes']) {
      const tenantId = uuidv7();
      await shifted.by(by);
      await owner.query('select billing.take_turn($1, $2, 10)', [tenantId, uuidv7()]);
      await expect(api.withLease(tenantId, 0, async () => 1)).rejects.toThrow(TenantLeaseTaken);
      await shifted.by('0');
      await expect(api.withLease(tenantId, 0, async () => 1)).rejects.toThrow(TenantLeaseTaken);
      await owner.query(`update lease.clock set at = at + interval '11 seconds'`);
      expect(await api.withLease(tenantId, 0, async () => 1)).toBe(1);
    }
  });

  it('lets no request to Stripe be sent after another process has taken it over', async () => {
    const tenantId = uuidv7();
    const outbox = createStripeOutbox(createScopedDb(pools[0] as Pool), { account: '', livemode: false });
    const sent: string[] = [];
    const send = (lease: TenantLease, kind: string) =>
      outbox.sendOnce(
        { tenantId, callId: uuidv7(), kind: 'change', params: {}, lease },
        async () => {
          sent.push(kind);
          return {};
        },
        () => false,
      );
    await api.withLease(tenantId, 0, async (old) => {
      await send(old, 'before');
      await pools[2]?.query(`update lease.clock set at = at + interval '11 seconds'`);
      await worker.withLease(tenantId, 0, async (successor) => {
        await expect(send(old, 'after')).rejects.toThrow(LeaseLost);
        await send(successor, 'successor');
        const wanted = { tenantId, callId: uuidv7() };
        expect(await isStillWanted(pools[1] as Pool, wanted, old)).toBe(false);
      });
      await expect(send(old, 'after')).rejects.toThrow(LeaseLost);
    });
    expect(sent).toEqual(['before', 'successor']);
  });

  it('orders two changes by their numbers, and not by the clock', async () => {
    const tenantId = uuidv7();
    const owner = pools[2] as Pool;
    const [first, second] = [uuidv7(), uuidv7()];
    const change = (callId: string, askedAt: string) =>
      owner.query(
        `insert into billing.calls (tenant_id, call_id, kind, idempotency_key, params, due_at, asked_at)
         values ($1, $2::uuid, 'change', $2::uuid::text, '{}', lease.now() - interval '1 second', lease.now() + $3::interval)`,
        [tenantId, callId, askedAt],
      );
    await change(first, '10 minutes');
    await change(second, '0');
    const claimed = await claimUnansweredChanges(pools[1] as Pool, 10);
    expect(claimed.map(({ callId }) => callId)).toEqual([second]);
  });
});
