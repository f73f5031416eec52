import { setTimeout as sleep } from 'node:timers/promises';
import { type ContractRun, gate, LIMITS, type Numbered, sorted, until, upTo } from './contract-run';

/** Tests of the handlers and calls that `close` waits for, and of those that it aborts. */
export const shutdown = (contract: ContractRun): void => {
  it('waits for running handlers when it closes, and starts no other handler', async () => {
    const jobs = contract.open();
    const { opened, open: finish } = gate();
    const received: number[] = [];
    let ended = 0;
    jobs.work<Numbered>(
      contract.queue,
      async ({ n }) => {
        received.push(n);
        await opened;
        ended += 1;
      },
      { concurrency: 2, timeoutMs: 10_000 },
    );
    await jobs.queue<Numbered>(contract.queue).addMany(upTo(5).map((n) => ({ data: { n } })));
    await until(() => received.length === 2);
    const closing = jobs.close().then(() => ended);
    await sleep(200);
    expect(ended).toBe(0);
    finish();
    expect(await closing).toBe(2);
    expect(received).toHaveLength(2);
    const rest: number[] = [];
    contract.open().work<Numbered>(contract.queue, async ({ n }) => void rest.push(n), LIMITS);
    await until(() => rest.length === 3);
    expect(sorted([...received, ...rest])).toEqual(upTo(5));
  });

  it('aborts handlers that outlast the grace period when it closes', async () => {
    const jobs = contract.open({ graceMs: 200 });
    let signal: AbortSignal | undefined;
    jobs.work<Numbered>(
      contract.queue,
      async (_, handlerSignal) => {
        signal = handlerSignal;
        await new Promise(() => {});
      },
      LIMITS,
    );
    await jobs.queue<Numbered>(contract.queue).add({ n: 1 });
    await until(() => signal !== undefined);
    await jobs.close();
    expect(signal?.aborted).toBe(true);
  });

  it('closes even if the server is not available', async () => {
    const proxy = await contract.proxy();
    const jobs = contract.open({ graceMs: 500 }, proxy.through(contract.fixture.url));
    const received: number[] = [];
    jobs.work<Numbered>(contract.queue, async ({ n }) => void received.push(n), LIMITS);
    await jobs.queue<Numbered>(contract.queue).add({ n: 1 });
    await until(() => received.length === 1);
    proxy.blackHole();
    await jobs.close();
  });

  it.each(['refuse', 'blackHole'] as const)(
    'closes without waiting for the grace period if no handler runs and the server is not available (%s)',
    async (fault) => {
      const proxy = await contract.proxy();
      const jobs = contract.open({ graceMs: 3_600_000 }, proxy.through(contract.fixture.url));
      const received: number[] = [];
      jobs.work<Numbered>(contract.queue, async ({ n }) => void received.push(n), LIMITS);
      await jobs.queue<Numbered>(contract.queue).add({ n: 1 });
      await until(() => received.length === 1);
      await proxy[fault]();
      await jobs.close();
    },
  );
};
