import { setTimeout as sleep } from 'node:timers/promises';
import { rounds } from '#testing/seeds';
import { endAll, until } from '../e2e/start/product';
import { type System, systemOn } from '../e2e/system';
import { createPostgresServers, type PostgresServer, type PostgresServers } from '../support/postgres-server';
import { startProxy, type TcpProxy } from '../support/tcp-proxy';
import type { LossWindow } from './checker';
import { type Api, tallyOf, underLoad } from './client';
import { appendTasks } from './history';
import { type Processes, startProcesses } from './processes';
import { readModelComplaints } from './read-models';
import { signedUp, untilWorking } from './working';

const FAILOVERS = rounds(2, 40);
/** The number of events that a failover loses. It is so high that later writes get positions of lost events. */
const LOST_EVENTS = 300;
/** ms for which the replica has received nothing when the primary dies. */
const LAG_MS = 1_000;

jest.setTimeout(900_000 + FAILOVERS * 60_000);

/** The primary dies under load, and a streaming replica that lags behind replaces it. */
describe(`${FAILOVERS} failovers to a replica that lags by a second`, () => {
  let servers: PostgresServers;
  let primary: PostgresServer;
  let database: TcpProxy;
  let system: System;
  let processes: Processes;
  let tenantId: string;

  beforeAll(async () => {
    servers = await createPostgresServers();
    primary = await servers.open();
    database = await startProxy({ host: '127.0.0.1', port: primary.port });
    system = systemOn(database.through(primary.url), 'tenantry', async () => undefined);
    processes = await startProcesses(system, { workers: 1 });
    ({ tenantId } = await signedUp(processes.url));
  });

  afterAll(async () => {
    await endAll();
    await system.close();
    await database.close();
    await servers.close();
  });

  const failOver = async (api: Api, stopsClients: boolean): Promise<LossWindow> => {
    const stream = await startProxy({ host: '127.0.0.1', port: primary.port });
    const replica = await primary.replica(stream.port);
    const from = performance.now();
    const [head] = await primary.query<{ lsn: string }>('select pg_current_wal_lsn() as lsn');
    const hasAll = `select pg_last_wal_replay_lsn() >= '${head?.lsn}' as yes`;
    await until(async () => (await replica.query<{ yes: boolean }>(hasAll))[0]?.yes === true, 120_000);
    stream.stall();
    await Promise.all([sleep(LAG_MS), appendTasks(primary.url, tenantId, LOST_EVENTS)]);
    // Otherwise the writes of the clients would soon bring the log past every lost position.
    if (stopsClients) api.url = undefined;
    await primary.crash();
    await replica.query('select pg_promote()');
    database.leadTo({ host: '127.0.0.1', port: replica.port });
    database.reset();
    const to = performance.now();
    await stream.close();
    primary = replica;
    return { from, to };
  };

  it('lose only writes that were acknowledged in that second, and the product works again without help', async () => {
    const windows: LossWindow[] = [];
    const api = await underLoad({ clients: 16, atOnce: 6, url: processes.url }, async (api) => {
      await untilWorking(processes.url);
      for (let failover = 0; failover < FAILOVERS; failover++) {
        windows.push(await failOver(api, failover % 2 === 0));
        // After every second failover the processes are restarted, as an operator might do.
        if (failover % 2 === 1) await processes.restartAll();
        await untilWorking(processes.url);
        api.url = processes.url;
      }
    });
    const { complaints, lost } = await system.verdict(api.tenants, windows);
    complaints.push(...(await readModelComplaints(system.owner)));
    const { commands, acknowledged } = tallyOf(api);
    process.stderr.write(
      `failovers: ${FAILOVERS}, ${commands} commands, ${acknowledged} acknowledged, ${lost.length} of them lost with the lag, ${complaints.length} complaints\n`,
    );
    expect(complaints).toEqual([]);
    expect(lost.length).toBeGreaterThan(0);
    expect(api.answers.get(500)).toBeUndefined();
  });
});
