import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { rounds } from '#testing/seeds';
import { type Account, send } from '../e2e/http';
import { endAll, until } from '../e2e/start/product';
import { openSystem, type System } from '../e2e/system';
import { type Clock, databaseClock, processClock } from '../support/clocks';
import { type Processes, startProcesses } from './processes';
import { readModelComplaints } from './read-models';
import { signedUp, untilWorking } from './working';

const MINUTE = 60_000;
const DAY = 1_440 * MINUTE;
/** `npm test` tries the first two. */
const CASES = [
  ['worker', 400 * DAY],
  ['database', 10 * MINUTE],
  ['worker', -400 * DAY],
  ['database', -10 * MINUTE],
  ['database', 400 * DAY],
  ['worker', 10 * MINUTE],
  ['database', -400 * DAY],
  ['worker', -10 * MINUTE],
] as const;
const ROUNDS = rounds(2, 50);
/** A schedule that runs every ten seconds. */
const SCHEDULE = 'billing-clock';
/** ms for which the clock is wrong; longer than the interval of the schedule. */
const WRONG_MS = 12_000;

jest.setTimeout(900_000 + ROUNDS * 180_000);

/** The clock of the worker or of the database jumps, and is corrected later. */
describe('a clock that was wrong for a while', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tenantry-clock-'));
  let system: System;
  let processes: Processes;
  let clocks: Record<'worker' | 'database', Clock>;
  let account: Account;

  beforeAll(async () => {
    system = await openSystem();
    const worker = processClock(folder);
    clocks = { worker, database: await databaseClock(system.owner) };
    processes = await startProcesses(system, { workers: 1, workerEnv: worker.env });
    account = await signedUp(processes.url);
  });

  afterAll(async () => {
    await endAll();
    await system.close();
    rmSync(folder, { recursive: true });
  });

  const createProject = async (key: string): Promise<number> => {
    const headers = { 'idempotency-key': key };
    const body = { name: `Project ${key}` };
    return (await send(processes.url, '/v1/projects', { ...{ method: 'POST', body, headers }, token: account.token }))
      .status;
  };

  /**
   * Kills all processes during requests, so that the idempotency keys of those requests stay leased.
   * @returns the keys
   */
  const interruptRequests = async (): Promise<string[]> => {
    const keys = Array.from({ length: 30 }, () => randomUUID());
    const answers = keys.map((key) => createProject(key).catch(() => 0));
    await sleep(20);
    await processes.restartAll();
    await Promise.all(answers);
    return keys;
  };

  /** The number of runs of the schedule in the present worker. */
  const runs = async (): Promise<number> => {
    const probes = /Health +(\S+)\/readyz/.exec(processes.workers[0]?.output() ?? '')?.[1] ?? '';
    const metrics = await (await fetch(`${probes}/metrics`)).text();
    return Number(new RegExp(`^tenantry_jobs_total\\{.*queue="${SCHEDULE}".*\\} (\\d+)$`, 'm').exec(metrics)?.[1] ?? 0);
  };

  it.each(Array.from({ length: ROUNDS }, (_, round) => CASES[round % CASES.length] ?? CASES[0]))(
    'leaves no work undone: the clock of the %s, by %d ms',
    async (owner, shiftMs) => {
      await untilWorking(processes.url);
      await clocks[owner].set(shiftMs);
      await sleep(WRONG_MS);
      // Now leases and keys belong to processes that were killed while the clock was wrong.
      const keys = await interruptRequests();
      await clocks[owner].set(0);
      const before = await runs();
      await untilWorking(processes.url);
      await until(async () => (await runs()) > before, 60_000);
      for (const key of keys) {
        let status = 409;
        await until(async () => {
          status = await createProject(key);
          // On a busy machine, a request may be refused for a while.
          return status !== 409 && status < 500;
        }, 60_000);
        expect(status).toBe(201);
      }
      const { rows } = await system.owner.query(
        `select count(*)::integer as n from event_log.events where type = 'ProjectCreated' and data ->> 'name' = any($1)`,
        [keys.map((key) => `Project ${key}`)],
      );
      expect(rows).toEqual([{ n: keys.length }]);
    },
  );

  it('leaves every read model equal to the fold of the log', async () => {
    expect(await readModelComplaints(system.owner)).toEqual([]);
  });
});
