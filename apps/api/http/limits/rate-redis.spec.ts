import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { silentLogger } from '#platform/logging/logger.port';
import { connectSharedCounts } from './rate-redis';
import type { Verdict } from './rate-window';

const freePort = (): Promise<number> =>
  new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
    });
  });

const policy = { name: 'x', limit: 2, windowSeconds: 60 };

describe('shared rate limits', () => {
  it('are counted in this process without a delay while Redis is not available', async () => {
    const counts = connectSharedCounts(`redis://127.0.0.1:${await freePort()}`, silentLogger);
    const limiter = counts.limiter(policy);
    const started = Date.now();
    const left: number[] = [];
    for (let at = 0; at < 4; at++) left.push((await limiter.consume('k')).remaining);
    expect(left).toEqual([1, 0, -1, -1]);
    await limiter.consume('other');
    await limiter.restore('other');
    expect((await limiter.consume('other')).remaining).toBe(1);
    expect(Date.now() - started).toBeLessThan(1_000);
    await counts.close();
  });
});

const hasRedis = spawnSync('redis-server', ['--version']).status === 0;

(hasRedis ? describe : describe.skip)('shared rate limits, with Redis', () => {
  let redis: ChildProcess;
  let port: number;
  const start = (): void => {
    redis = spawn('redis-server', ['--port', String(port), '--save', '', '--appendonly', 'no'], { stdio: 'ignore' });
  };
  beforeAll(async () => {
    port = await freePort();
    start();
    await sleep(500);
  });
  afterAll(() => {
    redis.kill();
  });

  it('are common to all processes, and are counted again after Redis was not available', async () => {
    const url = `redis://127.0.0.1:${port}`;
    const [one, two] = [connectSharedCounts(url, silentLogger), connectSharedCounts(url, silentLogger)];
    await sleep(300);
    const [a, b] = [one.limiter(policy), two.limiter(policy)];
    const verdicts: Verdict[] = [
      await a.consume('k'),
      await b.consume('k'),
      await a.consume('k'),
      await b.consume('k'),
    ];
    expect(verdicts.map(({ remaining }) => Math.max(-1, remaining))).toEqual([1, 0, -1, -1]);
    expect(verdicts.every(({ resetAt }) => resetAt > Date.now() + 50_000)).toBe(true);

    await a.consume('taken back');
    await b.restore('taken back');
    expect((await a.consume('taken back')).remaining).toBe(1);

    redis.kill('SIGKILL');
    await sleep(200);
    expect((await a.consume('other')).remaining).toBe(1);
    start();
    await sleep(3_000);
    expect((await a.consume('third')).remaining).toBe(1);
    expect((await b.consume('third')).remaining).toBe(0);
    await Promise.all([one.close(), two.close()]);
  });
});
