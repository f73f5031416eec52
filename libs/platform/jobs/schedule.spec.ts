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

  /** Runs it if it is due. @returns whether it was, and whether the mark before lay in the future */
  const runDue = async (everyMs = HOUR): Promise<[boolean, boolean]> => {
    const token = uuidv7();
    const { slot, ahead } = await store.begin(name, everyMs, token, 15_000);
    if (slot) expect(await store.end(name, token, slot)).toBe(true);
    return [slot !== null, ahead];
  };
  const passLeaseTime = (interval: string) => owner.query('update lease.clock set at = at + $1::interval', [interval]);

  it('continues after a process whose clock is 400 days ahead has run it', async () => {
    const runs: string[] = [];
    const keep = async (process: string, enough: () => boolean): Promise<void> => {
      const stopping = new AbortController();
      const metrics = createJobMetrics(new Registry());
      const runner = createRunner({ logger: silentLogger, metrics });
      const scheduler = createScheduler({ store, runner, logger: silentLogger, onRun: () => undefined });
      const keeping = scheduler.keep(name, 100, async () => void runs.push(process), stopping.signal);
      while (!enough()) await sleep(10);
      stopping.abort();
      await keeping;
    };
    const now = Date.now.bind(Date);
    const wrong = jest.spyOn(Date, 'now').mockImplementation(() => now() + 400 * DAY);
    try {
      await keep('wrong', () => runs.includes('wrong'));
    } finally {
      wrong.mockRestore();
    }
    await keep('right', () => runs.includes('right'));
  });

  it.each([
    ['400 days ahead for a while', '400 days'],
    ['ten minutes ahead for a while', '10 minutes'],
  ])('continues where the clock of the database was %s', async (_, by) => {
    await shifted.by(by);
    expect(await runDue(60_000)).toEqual([true, false]);
    await shifted.by('0');
    expect(await runDue(60_000)).toEqual([true, true]);
    const { rows } = await owner.query('select ran <= now() as past from lease.schedules where name = $1', [name]);
    expect(rows).toEqual([{ past: true }]);
  });

  it('continues where the clock of the database was set back', async () => {
    expect(await runDue(60_000)).toEqual([true, false]);
    await shifted.by('-10 minutes');
    expect(await runDue(60_000)).toEqual([true, true]);
    expect((await runDue(60_000))[1]).toBe(false);
  });

  it('runs once in a slot', async () => {
    expect((await runDue(10 * 365 * DAY))[0]).toBe(true);
    expect((await runDue(10 * 365 * DAY))[0]).toBe(false);
  });

  it('is run by another process where one died in its run, though the clock was set meanwhile', async () => {
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

  it('takes nothing from a process whose run was taken over', async () => {
    const old = uuidv7();
    const { slot } = await store.begin(name, HOUR, old, 15_000);
    if (!slot) throw new Error('it was not due');
    expect(await store.renew(name, old, 15_000)).toBe(true);
    await passLeaseTime('16 seconds');
    const heir = uuidv7();
    const taken = await store.begin(name, HOUR, heir, 15_000);
    expect(taken.slot).toEqual(slot);
    expect(await store.renew(name, old, 15_000)).toBe(false);
    expect(await store.end(name, old, slot)).toBe(false);
    const { rows } = await owner.query('select ran, token from lease.schedules where name = $1', [name]);
    expect(rows).toEqual([{ ran: null, token: heir }]);
    expect(await store.end(name, heir, slot)).toBe(true);
  });
});
