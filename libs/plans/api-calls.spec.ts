import type { Pool } from 'pg';
import { createPool } from '#platform/database/connections/pools';
import { createScopedDb } from '#platform/database/scoped/scoped-db';
import { uuidv7 } from '#platform/ids/uuid';
import { silentLogger } from '#platform/logging/logger.port';
import { createTestDatabase, type TestDatabase } from '#testing/database';
import { createApiCalls } from './api-calls';

describe('calls of the API', () => {
  let database: TestDatabase;
  let pool: Pool;
  beforeAll(async () => {
    database = await createTestDatabase();
    pool = createPool({ url: database.urls.app, max: 2, applicationName: 'test' });
  });
  afterAll(async () => {
    await pool.end();
    await database.drop();
  });

  const start = (now?: () => number) =>
    createApiCalls({ pool, db: createScopedDb(pool), logger: silentLogger, flushMs: 3_600_000, ...(now && { now }) });

  it('are counted up to the limit, and calls beyond it are not counted', async () => {
    const [calls, tenant] = [start(), uuidv7()];
    const taken = [1, 2, 3, 4].map(() => calls.take(tenant, 2));
    expect(taken.map((it) => it.taken)).toEqual([true, true, false, false]);
    expect(taken.map((it) => it.used)).toEqual([1, 2, 2, 2]);
    expect(calls.unflushed(tenant)).toBe(2);
    await calls.close();
  });

  it('are counted if there is no limit, too', async () => {
    const [calls, tenant] = [start(), uuidv7()];
    expect([1, 2].map(() => calls.take(tenant, null))).toEqual([
      { taken: true, used: 1 },
      { taken: true, used: 2 },
    ]);
    await calls.close();
  });

  it('of an earlier process are known to the next one, which reads them once for all callers', async () => {
    const tenant = uuidv7();
    const before = start();
    for (let at = 0; at < 5; at++) before.take(tenant, null);
    await before.close();
    const after = start();
    const reading = after.load(tenant);
    expect(after.load(tenant)).toBe(reading);
    await reading;
    expect(after.load(tenant)).toBeUndefined();
    expect(after.take(tenant, 5)).toEqual({ taken: false, used: 5 });
    expect(after.take(tenant, 6)).toEqual({ taken: true, used: 6 });
    await after.close();
  });

  it('of one tenant are lost if the database refuses them, and those of other tenants are stored', async () => {
    const [tenant, other] = [uuidv7(), uuidv7()];
    const calls = start();
    for (const id of [tenant, 'not the id of a tenant', other]) calls.take(id, null);
    await calls.close();
    const after = start();
    for (const id of [tenant, other]) {
      await after.load(id);
      expect(after.take(id, 1)).toEqual({ taken: false, used: 1 });
    }
    expect(calls.unflushed('not the id of a tenant')).toBe(0);
    await after.close();
  });

  it('are not read a second time if the database was not available', async () => {
    const ended = createPool({ url: database.urls.app, max: 1, applicationName: 'test' });
    await ended.end();
    const tenant = uuidv7();
    const calls = createApiCalls({ pool, db: createScopedDb(ended), logger: silentLogger });
    await calls.load(tenant);
    expect(calls.load(tenant)).toBeUndefined();
    expect(calls.take(tenant, 1)).toEqual({ taken: true, used: 1 });
    await calls.close();
  });
});
