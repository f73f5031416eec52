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

  const begin = (now?: () => number) =>
    createApiCalls({ pool, db: createScopedDb(pool), logger: silentLogger, flushMs: 3_600_000, ...(now && { now }) });

  it('are taken up to the limit, and those beyond it are not counted', async () => {
    const [calls, tenant] = [begin(), uuidv7()];
    const taken = [1, 2, 3, 4].map(() => calls.take(tenant, 2));
    expect(taken.map((it) => it.taken)).toEqual([true, true, false, false]);
    expect(taken.map((it) => it.used)).toEqual([1, 2, 2, 2]);
    expect(calls.untold(tenant)).toBe(2);
    await calls.close();
  });

  it('are counted without a limit', async () => {
    const [calls, tenant] = [begin(), uuidv7()];
    expect([1, 2].map(() => calls.take(tenant, null))).toEqual([
      { taken: true, used: 1 },
      { taken: true, used: 2 },
    ]);
    await calls.close();
  });

  it('of an earlier process are known to the next one, which looks once for all who ask', async () => {
    const tenant = uuidv7();
    const before = begin();
    for (let at = 0; at < 5; at++) before.take(tenant, null);
    await before.close();
    const after = begin();
    const looking = after.know(tenant);
    expect(after.know(tenant)).toBe(looking);
    await looking;
    expect(after.know(tenant)).toBeUndefined();
    expect(after.take(tenant, 5)).toEqual({ taken: false, used: 5 });
    expect(after.take(tenant, 6)).toEqual({ taken: true, used: 6 });
    await after.close();
  });

  it('of one tenant that the database refuses fail alone', async () => {
    const [tenant, other] = [uuidv7(), uuidv7()];
    const calls = begin();
    for (const id of [tenant, 'not the id of a tenant', other]) calls.take(id, null);
    await calls.close();
    const after = begin();
    for (const id of [tenant, other]) {
      await after.know(id);
      expect(after.take(id, 1)).toEqual({ taken: false, used: 1 });
    }
    expect(calls.untold('not the id of a tenant')).toBe(0);
    await after.close();
  });

  it('are asked of nobody twice where the database is not available', async () => {
    const away = createPool({ url: database.urls.app, max: 1, applicationName: 'test' });
    await away.end();
    const tenant = uuidv7();
    const calls = createApiCalls({ pool, db: createScopedDb(away), logger: silentLogger });
    await calls.know(tenant);
    expect(calls.know(tenant)).toBeUndefined();
    expect(calls.take(tenant, 1)).toEqual({ taken: true, used: 1 });
    await calls.close();
  });
});
