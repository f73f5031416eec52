import { setTimeout as sleep } from 'node:timers/promises';
import type { Pool } from 'pg';
import { Registry } from 'prom-client';
import { createTestDatabase, type TestDatabase } from '#testing/database';
import { shiftClock } from '#testing/shifted-clock';
import { createPool } from '../database/connections/pools';
import { uuidv7 } from '../ids/uuid';
import { silentLogger } from '../logging/logger.port';
import { createJobMetrics } from './metrics';
import { createRunner } from './runner';
import { createScheduler } from './schedule';
import { createScheduleStore, type ScheduleStore } from './schedule-store';

const DAY = 86_400_000;
const HOUR = 3_600_000;

describe('a schedule', () => {
  let database: TestDatabase;
  let pool: Pool;
  let owner: Pool;
  let shifted: Awaited<ReturnType<typeof shiftClock>>;
  let store: ScheduleStore;
  let name: string;

  beforeAll(async () => {
    database = await createTestDatabase();
    pool = createPool({ url: database.urls.projector, max: 4, applicationName: 'test' });
    owner = createPool({ url: database.urls.owner, max: 1, applicationName: 'test' });
    shifted = await shiftClock(owner);
    store = createScheduleStore(pool);
  });
  beforeEach(() => {
    name = `schedule-${uuidv7()}`;
  });
  afterEach(() => shifted.by('0'));
  afterAll(async () => {
    await Promise.all([pool.end(), owner.end()]);
    await database.drop();
  });

  /** Runs the schedule if it is due. @returns whether it was due, and whether the last run was marked in the future */
  const runDue = async (everyMs = HOUR): Promise<[boolean, boolean]> => {
    const token = uuidv7();
    const { slot, ahead } = await store.begin(name, everyMs, token, 15_000);
    if (slot) expect(await store.end(name, token, slot)).toBe(true);
    return [slot !== null, ahead];
  };
  const passLeaseTime = (interval: string) => owner.query('update lease.clock set at = at + $1::interval', [interval]);

  it('continues after a run by a process whose clock is 400 days ahead', async () => {
    const runs: string[] = [];
    const keepUntil = async (process: string, hasRun: () => boolean): Promise<void> => {
      const stopping = new AbortController();
      const metrics = createJobMetrics(new Registry());
      const runner = createRunner({ logger: silentLogger, metrics });
      const scheduler = createScheduler({ store, runner, logger: silentLogger, onRun: () => undefined });
      const keeping = scheduler.keep(name, 100, async () => void runs.push(process), stopping.signal);
      while (!hasRun()) await sleep(10);
      stopping.abort();
      await keeping;
    };
    const now = Date.now.bind(Date);
    const fastClock = jest.spyOn(Date, 'now').mockImplementation(() => now() + 400 * DAY);
    try {
      await keepUntil('fast', () => runs.includes('fast'));
    } finally {
      fastClock.mockRestore();
    }
    await keepUntil('right', () => runs.includes('right'));
  });

  it.each([
    ['400 days ahead for a while', '400 days'],
    ['ten minutes ahead for a while', '10 minutes'],
  ])('continues after the clock of the database was %s', async (_, by) => {
    await shifted.by(by);
    expect(await runDue(60_000)).toEqual([true, false]);
    await shifted.by('0');
    expect(await runDue(60_000)).toEqual([true, true]);
    const { rows } = await owner.query('select ran <= now() as past from lease.schedules where name = $1', [name]);
    expect(rows).toEqual([{ past: true }]);
  });

  it('continues after the clock of the database was set back', async () => {
    expect(await runDue(60_000)).toEqual([true, false]);
    await shifted.by('-10 minutes');
    expect(await runDue(60_000)).toEqual([true, true]);
    expect((await runDue(60_000))[1]).toBe(false);
  });

  it('runs once in each slot', async () => {
    expect((await runDue(10 * 365 * DAY))[0]).toBe(true);
    expect((await runDue(10 * 365 * DAY))[0]).toBe(false);
  });

  it('is run by another process after a process died during the run, also if the clock was set in between', async () => {
    for (const by of ['10 minutes', '-10 minutes']) {
      name = `schedule-${uuidv7()}`;
      await shifted.by(by);
      await store.begin(name, 1_000, uuidv7(), 15_000);
      await shifted.by('0');
      expect((await runDue(1_000))[0]).toBe(false);
      await passLeaseTime('16 seconds');
      expect((await runDue(1_000))[0]).toBe(true);
    }
  });

  it('accepts no write of a process whose run was taken over', async () => {
    const oldToken = uuidv7();
    const { slot } = await store.begin(name, HOUR, oldToken, 15_000);
    if (!slot) throw new Error('the schedule was not due');
    expect(await store.renew(name, oldToken, 15_000)).toBe(true);
    await passLeaseTime('16 seconds');
    const newToken = uuidv7();
    const takenOver = await store.begin(name, HOUR, newToken, 15_000);
    expect(takenOver.slot).toEqual(slot);
    expect(await store.renew(name, oldToken, 15_000)).toBe(false);
    expect(await store.end(name, oldToken, slot)).toBe(false);
    const { rows } = await owner.query('select ran, token from lease.schedules where name = $1', [name]);
    expect(rows).toEqual([{ ran: null, token: newToken }]);
    expect(await store.end(name, newToken, slot)).toBe(true);
  });
});
