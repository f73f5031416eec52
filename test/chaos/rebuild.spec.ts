import { setTimeout as sleep } from 'node:timers/promises';
import type { Pool } from 'pg';
import { rounds } from '#testing/seeds';
import { endAll, until } from '../e2e/start/product';
import { openSystem, type System } from '../e2e/system';
import { tallyOf, underLoad } from './client';
import { appendTasks } from './history';
import { type Processes, startProcesses } from './processes';
import { readModelComplaints, rebuilt } from './read-models';
import { signedUp } from './working';

const KILLS = rounds(3, 4);
const TASKS = 20_000;
/** The read models with the most rows in this test. */
const REBUILT = ['tasks', 'tasks', 'tenants', 'members'];

jest.setTimeout(900_000 + KILLS * 20_000);

/** Rebuilds are requested again and again under load, and a worker is killed at a random moment of each. */
describe(`rebuilds whose workers are killed ${KILLS} times`, () => {
  let system: System;
  let processes: Processes;

  beforeAll(async () => {
    system = await openSystem();
    processes = await startProcesses(system);
    const { tenantId } = await signedUp(processes.url);
    await appendTasks(system.databaseUrl, tenantId, TASKS);
  });

  afterAll(async () => {
    await endAll();
    await system.close();
  });

  const rebuild = (projection: string): Promise<void> => {
    const done = rebuilt(system.owner, projection);
    done.catch(() => undefined);
    return done;
  };

  it('are all done in the end, and every read model equals the fold of the log', async () => {
    const rebuilds: Promise<void>[] = [];
    const killsByState = new Map<string, number>();
    let outcomes: PromiseSettledResult<void>[] = [];
    const api = await underLoad({ clients: 12, atOnce: 4, url: processes.url }, async () => {
      await rebuild('tasks');
      const duration = await lastDuration(system.owner);
      for (let killed = 0; killed < KILLS; killed++) {
        rebuilds.push(rebuild(REBUILT[killed % REBUILT.length] ?? 'tasks'));
        await until(async () => (await newestState(system.owner)) !== 'requested', 120_000);
        await sleep(Math.random() * duration);
        const state = await newestState(system.owner);
        killsByState.set(state, (killsByState.get(state) ?? 0) + 1);
        await processes.replaceWorker(Math.random() < 0.5 ? 0 : 1);
      }
      outcomes = await Promise.allSettled(rebuilds);
    });
    const complaints = [...(await system.complaints(api.tenants)), ...(await readModelComplaints(system.owner))];
    const { commands, acknowledged } = tallyOf(api);
    process.stderr.write(
      `rebuilds: ${KILLS} kills of workers (${[...killsByState].map(([state, n]) => `${n} ${state}`).join(', ')}), ${commands} commands, ${acknowledged} acknowledged, ${complaints.length} complaints\n`,
    );
    expect(outcomes.filter(({ status }) => status === 'rejected')).toEqual([]);
    expect(complaints).toEqual([]);
    expect(api.answers.get(500)).toBeUndefined();
  });

  it('are checked by a comparison that finds a single wrong row', async () => {
    await system.owner.query(
      `update read_model.tasks set title = 'Wrong' where task_id = (select task_id from read_model.tasks limit 1)`,
    );
    expect(await readModelComplaints(system.owner)).toEqual([
      expect.stringMatching(/^tasks had \d+ rows and differs from the fold of the log/),
    ]);
  });
});

/** The state of the rebuild that was requested last. */
const newestState = async (owner: Pool): Promise<string> => {
  const { rows } = await owner.query<{ state: string }>(
    'select state from projecting.rebuilds order by requested_at desc limit 1',
  );
  return rows[0]?.state ?? '';
};

/** The ms that the last finished rebuild took. */
const lastDuration = async (owner: Pool): Promise<number> => {
  const { rows } = await owner.query<{ ms: number }>(
    `select extract(epoch from finished_at - started_at)::float8 * 1000 as ms from projecting.rebuilds
     where finished_at is not null order by finished_at desc limit 1`,
  );
  return rows[0]?.ms ?? 0;
};
