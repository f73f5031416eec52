import { Pool } from 'pg';
import { createTestDatabase, type TestDatabase } from '../../testing/database';
import { silentLogger } from '../logger.port';
import { openJobs } from './bullmq-jobs';
import { installJobs } from './install';
import type { Jobs } from './port';

const NEVER_MS = 3_600_000;
const LONG = { everyMs: NEVER_MS, timeoutMs: 10_000 };

const until = async (happened: () => boolean): Promise<void> => {
  for (const end = Date.now() + 15_000; !happened(); ) {
    if (Date.now() > end) throw new Error('it did not happen');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
};

describe('jobs on PostgreSQL', () => {
  let database: TestDatabase;
  let owner: Pool;
  const opened: Jobs[] = [];
  const open = (): Jobs => {
    const jobs = openJobs({ databaseUrl: database.urls.jobs, logger: silentLogger });
    opened.push(jobs);
    return jobs;
  };

  beforeAll(async () => {
    database = await createTestDatabase();
    await installJobs(database.urls.owner, database.rolePrefix);
    owner = new Pool({ connectionString: database.urls.owner, max: 1 });
  });
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((it) => it.close()));
  });
  afterAll(async () => {
    await owner.end();
    await database.drop();
  });

  it('are done when they are nudged, by another process', async () => {
    let runs = 0;
    open().work('one', LONG, async () => {
      runs += 1;
    });
    await until(() => runs === 1);
    open().nudge('one');
    await until(() => runs === 2);
  });

  it('are done once more where they are nudged while they run', async () => {
    const jobs = open();
    let [running, runs, nudged] = [false, 0, false];
    jobs.work('again', LONG, async () => {
      expect(running).toBe(false);
      running = true;
      runs += 1;
      if (!nudged) {
        nudged = true;
        for (let at = 0; at < 20; at++) jobs.nudge('again');
        await new Promise((resolve) => setTimeout(resolve, 300));
      }
      running = false;
    });
    jobs.nudge('again');
    await until(() => runs >= 2);
  });

  it('are done every so often without a nudge, on one of several workers', async () => {
    const runs: number[] = [];
    for (const jobs of [open(), open()])
      jobs.work('often', { everyMs: 200, timeoutMs: 1_000 }, async () => {
        runs.push(Date.now());
      });
    await until(() => runs.length >= 3);
  });

  it('go on after a failure, and after connections were cut', async () => {
    const jobs = open();
    let runs = 0;
    jobs.work('failing', { everyMs: 300, timeoutMs: 1_000 }, async () => {
      runs += 1;
      throw new Error('no');
    });
    await until(() => runs >= 2);
    await owner.query(
      `select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()`,
    );
    const before = runs;
    await until(() => runs > before + 1);
  });

  it('that run when it closes are waited for', async () => {
    const jobs = open();
    let [begun, ended] = [false, false];
    jobs.work('slow', LONG, async () => {
      begun = true;
      await new Promise((resolve) => setTimeout(resolve, 300));
      ended = true;
    });
    await until(() => begun);
    await jobs.close();
    expect(ended).toBe(true);
  });
});
