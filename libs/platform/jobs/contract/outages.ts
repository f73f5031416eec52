import { setTimeout as sleep } from 'node:timers/promises';
import { type ContractRun, LIMITS, type Numbered, until, upTo } from './contract-run';

/** How jobs behave while their server is not available, and afterwards. */
export const outages = (contract: ContractRun): void => {
  it('continues after the server has ended every connection', async () => {
    const jobs = contract.open();
    const wakeUps = jobs.queue<Numbered>(contract.queue);
    const received = new Set<number>();
    jobs.work<Numbered>(contract.queue, async ({ n }) => void received.add(n), LIMITS);
    await wakeUps.add({ n: 0 });
    await until(() => received.has(0));
    for (const n of [1, 2, 3]) {
      await contract.fixture.cut();
      // In the product, the sweeper finds the row of a lost wake-up. Here this loop adds the wake-up again.
      await until(async () => {
        await wakeUps.add({ n }, { id: `row-${n}` });
        await sleep(100);
        return received.has(n);
      });
    }
    expect([...received]).toEqual([0, 1, 2, 3]);
  });

  it.each(['refuse', 'blackHole'] as const)(
    'adds quickly without an error while the server is not available (%s), and works again afterwards',
    async (fault) => {
      const proxy = await contract.proxy();
      const jobs = contract.open({}, proxy.through(contract.fixture.url));
      const wakeUps = jobs.queue<Numbered>(contract.queue);
      const received: number[] = [];
      jobs.work<Numbered>(contract.queue, async ({ n }) => void received.push(n), LIMITS);
      await wakeUps.add({ n: 0 });
      await until(() => received.includes(0));
      await proxy[fault]();
      for (const n of upTo(20)) await wakeUps.add({ n: 100 + n });
      expect(await contract.metric(contract.processes[0], 'tenantry_job_nudges_lost_total', {})).toBeGreaterThan(15);
      await sleep(3_000);
      // Added by a process that can reach the server, and delivered to the worker once it can reach the server again.
      await contract.open().queue<Numbered>(contract.queue).add({ n: 1 });
      await proxy.heal();
      await until(() => received.includes(1));
      await until(async () => {
        await wakeUps.add({ n: 2 }, { id: 'row' });
        await sleep(100);
        return received.includes(2);
      });
    },
  );

  it('starts while the server is not available, and works once it is', async () => {
    const proxy = await contract.proxy();
    await proxy.refuse();
    const schedulesUrl = contract.fixture.url.startsWith('postgres')
      ? proxy.through(contract.fixture.schedulesUrl)
      : contract.fixture.schedulesUrl;
    const jobs = contract.open({ schedulesUrl }, proxy.through(contract.fixture.url));
    const received: number[] = [];
    let runs = 0;
    jobs.work<Numbered>(contract.queue, async ({ n }) => void received.push(n), LIMITS);
    await jobs.schedule(`${contract.queue}-s`, 600_000, async () => void runs++);
    await jobs.queue<Numbered>(contract.queue).add({ n: 0 });
    await sleep(1_500);
    await proxy.heal();
    await contract.open().queue<Numbered>(contract.queue).add({ n: 1 });
    await until(() => received.includes(1) && runs === 1);
  });
};
