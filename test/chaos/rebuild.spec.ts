import { setTimeout as sleep } from 'node:timers/promises';
import { rebuildProjection } from '../../apps/cli/projections';
import { rounds } from '../../libs/testing/seeds';
import { signUp } from '../e2e/http';
import { endAll } from '../e2e/start/product';
import { openSystem, type System } from '../e2e/system';
import { startLoad, tallyOf } from './client';
import { appendTasks } from './history';
import { type Processes, startProcesses } from './processes';
import { readModelComplaints } from './read-models';

const KILLS = rounds(4, 4);
const TASKS = 20_000;
/** Those that hold the most rows here. */
const REBUILT = ['tasks', 'tasks', 'tenants', 'members'];

jest.setTimeout(240_000 + KILLS * 20_000);

/** Rebuilds are asked for again and again under load, and a worker is killed at any moment of them. */
describe(`rebuilds, their workers killed ${KILLS} times`, () => {
  let system: System;
  let processes: Processes;

  beforeAll(async () => {
    system = await openSystem();
    processes = await startProcesses(system);
    const { tenantId } = await signUp(processes.url);
    await appendTasks(system.databaseUrl, tenantId, TASKS);
  });

  afterAll(async () => {
    await endAll();
    await system.close();
  });

  it('are all done in the end, and every read model equals the fold of the log', async () => {
    const load = startLoad({ clients: 12, atOnce: 4, url: processes.url });
    const rebuilds: Promise<string>[] = [];
    const moments = new Map<string, number>();
    for (let killed = 0; killed < KILLS; killed++) {
      const projection = REBUILT[killed % REBUILT.length] ?? 'tasks';
      const rebuild = rebuildProjection(system.owner, projection, () => undefined);
      rebuild.catch(() => undefined);
      rebuilds.push(rebuild);
      await sleep(Math.random() * 1_500);
      const { rows } = await system.owner.query<{ state: string }>(
        'select state from projecting.rebuilds order by requested_at desc limit 1',
      );
      const moment = rows[0]?.state ?? 'none';
      moments.set(moment, (moments.get(moment) ?? 0) + 1);
      await processes.replaceWorker(killed % 2);
    }
    const outcomes = await Promise.allSettled(rebuilds);
    await load.stop();
    const complaints = [...(await system.complaints(load.api.companies)), ...(await readModelComplaints(system.owner))];
    const { commands, acknowledged } = tallyOf(load.api);
    process.stderr.write(
      `rebuilds: ${KILLS} kills of workers (${[...moments].map(([state, n]) => `${n} ${state}`).join(', ')}), ${commands} commands, ${acknowledged} acknowledged, ${complaints.length} complaints\n`,
    );
    expect(outcomes.filter(({ status }) => status === 'rejected')).toEqual([]);
    expect(complaints).toEqual([]);
    expect(load.api.answers.get(500)).toBeUndefined();
  });
});
