import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import Redis from 'ioredis';
import { createTestDatabase } from '#testing/database';
import { type JobsFixture, jobsContract } from './contract/contract.suite';

const freePort = (): Promise<number> =>
  new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
    });
  });

const start = async (): Promise<JobsFixture> => {
  const database = await createTestDatabase();
  const port = await freePort();
  const server = spawn('redis-server', ['--port', String(port), '--save', '', '--appendonly', 'no'], {
    stdio: 'ignore',
  });
  const url = `redis://127.0.0.1:${port}`;
  const admin = new Redis(url, { retryStrategy: () => 50, maxRetriesPerRequest: null });
  admin.on('error', () => undefined);
  await admin.ping();
  return {
    url,
    schedulesUrl: database.urls.projector,
    cut: async () => {
      await admin.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
      await sleep(10);
    },
    close: async () => {
      admin.disconnect();
      server.kill();
      await once(server, 'exit');
      await database.drop();
    },
  };
};

jest.setTimeout(60_000);
if (spawnSync('redis-server', ['--version']).status === 0) jobsContract('Redis', start);
else it.skip('jobs over Redis: redis-server is not installed', () => undefined);
