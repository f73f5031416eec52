import type { Pool } from 'pg';
import { createPool } from '../platform/database/pools';
import { createScopedDb } from '../platform/database/scoped-db';
import { uuidv7 } from '../platform/ids/uuid';
import { silentLogger } from '../platform/logger.port';
import { createTestDatabase, type TestDatabase } from '../testing/database';
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
    const [calls, company] = [begin(), uuidv7()];
    const taken = [1, 2, 3, 4].map(() => calls.take(company, 2));
    expect(taken.map((it) => it.taken)).toEqual([true, true, false, false]);
    expect(taken.map((it) => it.used)).toEqual([1, 2, 2, 2]);
    expect(calls.untold(company)).toBe(2);
    await calls.close();
  });

  it('are counted without a limit', async () => {
    const [calls, company] = [begin(), uuidv7()];
    expect([1, 2].map(() => calls.take(company, null))).toEqual([
      { taken: true, used: 1 },
      { taken: true, used: 2 },
    ]);
    await calls.close();
  });

  it('of an earlier process are known to the next one, which looks once for all who ask', async () => {
    const company = uuidv7();
    const before = begin();
    for (let at = 0; at < 5; at++) before.take(company, null);
    await before.close();
    const after = begin();
    const looking = after.know(company);
    expect(after.know(company)).toBe(looking);
    await looking;
    expect(after.know(company)).toBeUndefined();
    expect(after.take(company, 5)).toEqual({ taken: false, used: 5 });
    expect(after.take(company, 6)).toEqual({ taken: true, used: 6 });
    await after.close();
  });

  it('of one company that the database refuses fail alone', async () => {
    const [company, other] = [uuidv7(), uuidv7()];
    const calls = begin();
    for (const id of [company, 'not the id of a company', other]) calls.take(id, null);
    await calls.close();
    const after = begin();
    for (const id of [company, other]) {
      await after.know(id);
      expect(after.take(id, 1)).toEqual({ taken: false, used: 1 });
    }
    expect(calls.untold('not the id of a company')).toBe(0);
    await after.close();
  });

  it('are asked of nobody twice where the database is not available', async () => {
    const away = createPool({ url: database.urls.app, max: 1, applicationName: 'test' });
    await away.end();
    const company = uuidv7();
    const calls = createApiCalls({ pool, db: createScopedDb(away), logger: silentLogger });
    await calls.know(company);
    expect(calls.know(company)).toBeUndefined();
    expect(calls.take(company, 1)).toEqual({ taken: true, used: 1 });
    await calls.close();
  });
});
