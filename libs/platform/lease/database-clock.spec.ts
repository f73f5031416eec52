import { setTimeout as sleep } from 'node:timers/promises';
import type { Pool } from 'pg';
import { Registry } from 'prom-client';
import { createTestDatabase, type TestDatabase } from '#testing/database';
import { shiftClock } from '#testing/shifted-clock';
import { createPool } from '../database/connections/pools';
import { silentLogger } from '../logging/logger.port';
import { clockCheck } from './clock-check';
import { type DatabaseClock, type DatabaseClockOptions, startDatabaseClock } from './database-clock';

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;

describe("the database's clock", () => {
  let database: TestDatabase;
  let pool: Pool;
  let owner: Pool;
  let shifted: Awaited<ReturnType<typeof shiftClock>>;
  const clocks: DatabaseClock[] = [];

  beforeAll(async () => {
    database = await createTestDatabase();
    pool = createPool({ url: database.urls.projector, max: 2, applicationName: 'test' });
    owner = createPool({ url: database.urls.owner, max: 1, applicationName: 'test' });
    shifted = await shiftClock(owner);
  });
  afterEach(async () => {
    await Promise.all(clocks.splice(0).map((clock) => clock.stop()));
    await shifted.by('0');
  });
  afterAll(async () => {
    await Promise.all([pool.end(), owner.end()]);
    await database.drop();
  });

  const start = async (more: Partial<DatabaseClockOptions> = {}): Promise<DatabaseClock> => {
    const clock = await startDatabaseClock({ pool, logger: silentLogger, intervalMs: 20, ...more });
    clocks.push(clock);
    return clock;
  };
  const leaseTime = async (): Promise<number> =>
    (await owner.query('select (extract(epoch from lease.now()) * 1000)::float8 as ms')).rows[0].ms;
  const until = async (holds: () => boolean | Promise<boolean>): Promise<void> => {
    while (!(await holds())) await sleep(10);
  };
  const minutesAhead = (clock: DatabaseClock): number => Math.round((clock.now() - Date.now()) / MINUTE) + 0;

  it.each([
    ['ahead', '10 minutes', 10],
    ['behind', '-10 minutes', -10],
  ])('is followed when it is set %s, while lease time continues unchanged', async (_, by, minutes) => {
    const lines: string[] = [];
    const clock = await start({ logger: { ...silentLogger, warn: (_fields, line) => lines.push(line) } });
    const before = await leaseTime();
    await shifted.by(by);
    await until(() => minutesAhead(clock) === minutes);
    await until(async () => (await leaseTime()) > before);
    await shifted.by('0');
    await until(() => minutesAhead(clock) === 0);
    const after = await leaseTime();
    expect(after).toBeGreaterThan(before);
    expect(after).toBeLessThan(before + 9 * MINUTE);
    expect(lines).toEqual(Array(2).fill('the clock of the database was changed while this process was running'));
  });

  it('can be started again with the same metrics after the first reading failed', async () => {
    const registry = new Registry();
    const closed = createPool({ url: database.urls.projector, max: 1, applicationName: 'test' });
    await closed.end();
    await expect(start({ pool: closed, registry })).rejects.toThrow();
    await start({ registry });
    expect(await registry.metrics()).toMatch(/^tenantry_clock_skew_seconds /m);
  });

  it('does not count as set if only the answer to a reading was processed late', async () => {
    const lines: string[] = [];
    let passed = 0;
    const realNow = performance.now.bind(performance);
    const monotonic = jest.spyOn(performance, 'now').mockImplementation(() => realNow() + passed);
    let answers = 0;
    const late: Pick<Pool, 'connect'> = Object.assign(Object.create(pool), {
      connect: async () => {
        const client = await pool.connect();
        const query = client.query.bind(client) as (...args: unknown[]) => Promise<unknown>;
        const slow = async (...args: unknown[]): Promise<unknown> => {
          const answer = await query(...args);
          Object.assign(client, { query });
          answers += 1;
          if (answers > 1) return answer;
          // Seven seconds pass on both sides before the answer is processed.
          await shifted.by('7 seconds');
          passed = 7_000;
          return answer;
        };
        return Object.assign(client, { query: slow });
      },
    });
    try {
      await start({ pool: late as Pool, logger: { ...silentLogger, warn: (_fields, line) => lines.push(line) } });
      await until(() => answers >= 4);
      expect(lines).toEqual([]);
    } finally {
      monotonic.mockRestore();
    }
  });

  it('is used where the clock of this machine is 400 days ahead, which a metric and a failing check report', async () => {
    const registry = new Registry();
    const before = await leaseTime();
    const clock = await start({ registry, wallClock: () => Date.now() + 400 * DAY });
    await until(async () => (await leaseTime()) > before);
    expect(await leaseTime()).toBeLessThan(before + DAY);
    expect(minutesAhead(clock)).toBe(0);
    expect(Math.round(clock.skewMs() / DAY)).toBe(400);
    const metric = await registry.getSingleMetric('tenantry_clock_skew_seconds')?.get();
    expect(Math.round((metric?.values[0]?.value ?? 0) / 86_400)).toBe(400);
    await expect(clockCheck(clock).run()).rejects.toThrow(/is \d{8} s ahead of the database's clock; at most 5 s/);
  });

  it('passes the check where it agrees with the clock of this machine', async () => {
    const clock = await start();
    await expect(clockCheck({ skewMs: () => -4_000 }).run()).resolves.toBeUndefined();
    await expect(clockCheck({ skewMs: () => -6_000 }).run()).rejects.toThrow(/is 6 s behind the database's clock/);
    await expect(clockCheck(clock).run()).resolves.toBeUndefined();
  });

  it('never sets lease time back, and advances it in steps', async () => {
    const before = await leaseTime();
    const tick = async (ms: number): Promise<number> =>
      (await pool.query('select lease_ms from lease.tick($1, 1000)', [ms])).rows[0].lease_ms;
    expect(await tick(before - MINUTE)).toBe(before);
    expect(await tick(before + 999)).toBe(before);
    expect(await tick(before + 2_000)).toBeGreaterThan(before);
  });
});
