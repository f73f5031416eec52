import type { Pool } from 'pg';
import { createPool } from '../platform/database/pools';
import { createScopedDb } from '../platform/database/scoped-db';
import { uuidv7 } from '../platform/ids/uuid';
import { createTestDatabase, type TestDatabase } from '../testing/database';
import { AnotherIsUnderWay, createTenantTurns, createWorkerTurns, type Turns } from './turns';

describe('the turn to have something changed for a company', () => {
  let database: TestDatabase;
  let pools: Pool[];
  let api: Turns;
  let worker: Turns;

  beforeAll(async () => {
    database = await createTestDatabase();
    const open = (connectionString: string) => createPool({ url: connectionString, max: 8, applicationName: 'test' });
    pools = [open(database.urls.app), open(database.urls.projector), open(database.urls.owner)];
    api = createTenantTurns(createScopedDb(pools[0] as Pool));
    worker = createWorkerTurns(pools[1] as Pool);
  });
  afterAll(async () => {
    await Promise.all(pools.map((pool) => pool.end()));
    await database.drop();
  });

  it('is one process’ at a time, and each comes to it', async () => {
    const tenantId = uuidv7();
    let [at, most, done] = [0, 0, 0];
    const work = async (): Promise<void> => {
      at += 1;
      most = Math.max(most, at);
      await new Promise((resolve) => setTimeout(resolve, 5));
      at -= 1;
      done += 1;
    };
    await Promise.all(Array.from({ length: 8 }, (_, n) => (n % 2 ? api : worker).inTurn(tenantId, 10_000, work)));
    expect([most, done]).toEqual([1, 8]);
  });

  it('is refused to who does not wait, and another company’s is free', async () => {
    const [tenantId, other] = [uuidv7(), uuidv7()];
    await api.inTurn(tenantId, 0, async () => {
      await expect(worker.inTurn(tenantId, 0, async () => 1)).rejects.toThrow(AnotherIsUnderWay);
      expect(await api.inTurn(other, 0, async () => 2)).toBe(2);
    });
    expect(await worker.inTurn(tenantId, 0, async () => 3)).toBe(3);
  });

  it('is over when what was done in it failed', async () => {
    const tenantId = uuidv7();
    await expect(api.inTurn(tenantId, 0, () => Promise.reject(new Error('away')))).rejects.toThrow('away');
    expect(await api.inTurn(tenantId, 0, async () => 1)).toBe(1);
  });

  it('of a killed process is another’s after its time', async () => {
    const tenantId = uuidv7();
    await pools[2]?.query('insert into billing.turns values ($1, $2, now())', [tenantId, uuidv7()]);
    expect(await api.inTurn(tenantId, 0, async () => 1)).toBe(1);
  });
});
