import { setTimeout as sleep } from 'node:timers/promises';
import { rounds } from '#testing/seeds';
import { endAll } from '../e2e/start/product';
import { type System, systemOn } from '../e2e/system';
import { createPostgresServers, type PostgresServer, type PostgresServers } from '../support/postgres-server';
import { tallyOf, underLoad } from './client';
import { type Processes, startProcesses } from './processes';
import { readModelComplaints } from './read-models';
import { untilWorking } from './working';

const CRASHES = rounds(1, 40);

jest.setTimeout(900_000 + CRASHES * 60_000);

/** A machine loses power: the API, the workers and PostgreSQL end at the same moment, and are started again. */
describe(`all processes killed at the same time, ${CRASHES} times`, () => {
  let servers: PostgresServers;
  let server: PostgresServer;
  let system: System;
  let processes: Processes;

  beforeAll(async () => {
    servers = await createPostgresServers();
    server = await servers.open();
    system = systemOn(server.url, 'tenantry', async () => undefined);
    processes = await startProcesses(system);
  });

  afterAll(async () => {
    await endAll();
    await system.close();
    await servers.close();
  });

  it('lose no acknowledged write, and work again after a restart', async () => {
    const api = await underLoad({ clients: 24, atOnce: 8, url: processes.url }, async (api) => {
      for (let crash = 0; crash < CRASHES; crash++) {
        await sleep(1_000 + Math.random() * 2_000);
        api.url = undefined;
        await Promise.all([server.crash(), endAll()]);
        await server.startAgain();
        await processes.restartAll();
        api.url = processes.url;
        await untilWorking(processes.url);
      }
    });
    const complaints = await system.complaints(api.tenants);
    complaints.push(...(await readModelComplaints(system.owner)));
    const { commands, acknowledged } = tallyOf(api);
    process.stderr.write(
      `crashes: ${CRASHES}, ${commands} commands, ${acknowledged} acknowledged, ${complaints.length} complaints\n`,
    );
    expect(complaints).toEqual([]);
    expect(acknowledged).toBeGreaterThan(CRASHES);
    expect(api.answers.get(500)).toBeUndefined();
  });
});
