import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { type ContractRun, LIMITS, type Numbered, sorted, until, upTo } from './contract-run';

const WORKER = join(__dirname, '../../../../dist/libs/platform/jobs/contract/worker.js');

/** Tests of handlers that fail, hang or die, and of the metrics that count them. */
export const handlers = (contract: ContractRun): void => {
  it('counts a handler that failed, does not retry it, and delivers the next wake-up with the same id', async () => {
    const jobs = contract.open();
    const wakeUps = jobs.queue<Numbered>(contract.queue);
    const received: number[] = [];
    jobs.work<Numbered>(
      contract.queue,
      async ({ n }) => {
        received.push(n);
        if (n === 1) throw new Error('no');
      },
      LIMITS,
    );
    await wakeUps.add({ n: 1 }, { id: 'row' });
    await until(
      async () => (await contract.metric(contract.processes[0], 'tenantry_jobs_total', { outcome: 'failed' })) === 1,
    );
    await wakeUps.add({ n: 2 }, { id: 'row' });
    await until(
      async () => (await contract.metric(contract.processes[0], 'tenantry_jobs_total', { outcome: 'completed' })) === 1,
    );
    expect(received).toEqual([1, 2]);
  });

  it('aborts a handler that takes too long, and continues even if the handler ignores the signal', async () => {
    const jobs = contract.open();
    const signals: AbortSignal[] = [];
    jobs.work<Numbered>(
      contract.queue,
      async (_, signal) => {
        signals.push(signal);
        if (signals.length === 1) await new Promise(() => {});
      },
      { concurrency: 1, timeoutMs: 100 },
    );
    await jobs.queue<Numbered>(contract.queue).addMany([{ data: { n: 1 } }, { data: { n: 2 } }]);
    await until(() => signals.length === 2);
    expect(signals[0]?.aborted).toBe(true);
    expect(await contract.metric(contract.processes[0], 'tenantry_jobs_total', { outcome: 'failed' })).toBe(1);
  });

  it('delivers the wake-ups of a killed worker to another worker', async () => {
    const jobs = contract.open();
    await jobs.queue<Numbered>(contract.queue).addMany(upTo(6).map((n) => ({ data: { n } })));
    const child = spawn(process.execPath, [WORKER, contract.fixture.url, contract.queue], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    contract.children.push(child);
    const inProgress: number[] = [];
    child.stdout?.on('data', (chunk: Buffer) => inProgress.push(...String(chunk).trim().split('\n').map(Number)));
    await until(() => inProgress.length === 3);
    child.kill('SIGKILL');
    await once(child, 'exit');
    const received: number[] = [];
    jobs.work<Numbered>(contract.queue, async ({ n }) => void received.push(n), LIMITS);
    await until(() => received.length === 6);
    expect(sorted(received)).toEqual(upTo(6));
    expect(received).toEqual(expect.arrayContaining(inProgress));
  });

  it('reports the number of waiting jobs as a metric', async () => {
    const jobs = contract.open();
    await jobs.queue<Numbered>(contract.queue).addMany(upTo(3).map((n) => ({ data: { n } })));
    await until(
      async () => (await contract.metric(contract.processes[0], 'tenantry_jobs', { state: 'waiting' })) === 3,
    );
  });
};
