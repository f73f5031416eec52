import { setTimeout as sleep } from 'node:timers/promises';
import { endAll } from '../e2e/start/product';
import { openSystem, type System } from '../e2e/system';
import type { LossWindow } from './checker';
import { type Api, tallyOf, underLoad } from './client';
import { appendTasks } from './history';
import { type Processes, startProcesses } from './processes';
import { readModelComplaints } from './read-models';
import { signedUp, untilWorking } from './working';

/** ms for which clients write after the backup. */
const WRITTEN_MS = 2_000;
/** The number of events that the restore loses. It is so high that later writes get positions of lost events. */
const LOST_EVENTS = 300;

jest.setTimeout(900_000);

/** The database is replaced by a backup, while the product is stopped or while it runs. */
describe('the restore of a backup', () => {
  let system: System;
  let processes: Processes;
  let backup: string;

  beforeEach(async () => {
    system = await openSystem();
    backup = `${system.database}_backup`;
    processes = await startProcesses(system, { workers: 1 });
  });

  afterEach(async () => {
    await endAll();
    await system.server.query(`drop database if exists ${backup} with (force)`);
    await system.close();
  });

  /** Does the work while no other session is connected to the database. */
  const withoutSessions = async (work: () => Promise<void>): Promise<void> => {
    await system.server.query(`alter database ${system.database} allow_connections false`);
    await system.server.query(
      'select pg_terminate_backend(pid, 10000) from pg_stat_activity where datname = $1 and pid <> pg_backend_pid()',
      [system.database],
    );
    await work();
    await system.server.query(`alter database ${system.database} allow_connections true`);
  };

  const takeBackup = (): Promise<void> =>
    withoutSessions(async () => {
      await system.server.query(`create database ${backup} template ${system.database}`);
      // The settings of a database are not copied; connections to the copy are allowed explicitly.
      await system.server.query(`alter database ${backup} allow_connections true`);
    });

  const restoreBackup = (): Promise<void> =>
    withoutSessions(async () => {
      await system.server.query(`drop database ${system.database} with (force)`);
      await system.server.query(`alter database ${backup} rename to ${system.database}`);
    });

  const stopAll = async (api: Api): Promise<void> => {
    api.url = undefined;
    await Promise.all([...processes.workers, processes.api].map((it) => it.end('SIGTERM')));
  };
  const startAll = async (api: Api): Promise<void> => {
    await processes.restartAll();
    api.url = processes.url;
  };

  it.each([
    ['stopped', true],
    ['running', false],
  ])('loses only the writes after the backup, with the product %s', async (_, isStopped) => {
    const windows: LossWindow[] = [];
    const api = await underLoad({ clients: 16, atOnce: 6, url: processes.url }, async (api) => {
      const { tenantId } = await signedUp(processes.url);
      await untilWorking(processes.url);
      await stopAll(api);
      const from = performance.now();
      await takeBackup();
      await startAll(api);
      await untilWorking(processes.url);
      await Promise.all([sleep(WRITTEN_MS), appendTasks(system.databaseUrl, tenantId, LOST_EVENTS)]);
      // The clients are stopped, because their writes would soon bring the log past every lost position.
      api.url = undefined;
      if (isStopped) await stopAll(api);
      await restoreBackup();
      windows.push({ from, to: performance.now() });
      if (isStopped) await processes.restartAll();
      await untilWorking(processes.url);
      api.url = processes.url;
    });
    const { complaints, lost } = await system.verdict(api.tenants, windows);
    complaints.push(...(await readModelComplaints(system.owner)));
    const { commands, acknowledged } = tallyOf(api);
    process.stderr.write(
      `restore: ${commands} commands, ${acknowledged} acknowledged, ${lost.length} of them after the backup, ${complaints.length} complaints\n`,
    );
    expect(complaints).toEqual([]);
    expect(lost.length).toBeGreaterThan(0);
  });
});
