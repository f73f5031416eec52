import { setTimeout as sleep } from 'node:timers/promises';
import { type ContractRun, gate, until } from './contract-run';

/** When a schedule runs, and in how many processes. */
export const schedules = (contract: ContractRun): void => {
  it('runs a schedule at most once in each slot and never twice at the same time, in changing processes', async () => {
    let runs = 0;
    let running = 0;
    let most = 0;
    const slotNow = (): number => Math.floor(Date.now() / 1_000);
    const run = async (): Promise<void> => {
      most = Math.max(most, ++running);
      runs += 1;
      await sleep(50);
      running -= 1;
    };
    const three = [contract.open(), contract.open(), contract.open()];
    const first = slotNow();
    await Promise.all(three.map((jobs) => jobs.schedule(contract.queue, 1_000, run)));
    await until(() => runs >= 2);
    await Promise.all(three.slice(0, 2).map((jobs) => jobs.close()));
    await until(() => runs >= 4);
    expect(most).toBe(1);
    // On a busy machine a run may begin late, in the next slot. But there are never more runs than slots.
    expect(runs).toBeLessThanOrEqual(slotNow() - first + 1);
  });

  it('does not run a schedule while its last run is in progress, and continues after a run that failed', async () => {
    const jobs = contract.open();
    const other = contract.open();
    const { opened, open: finish } = gate();
    let runs = 0;
    const run = async (): Promise<void> => {
      if (++runs > 1) return;
      await opened;
      throw new Error('no');
    };
    await jobs.schedule(contract.queue, 200, run);
    await other.schedule(contract.queue, 200, run);
    await until(() => runs > 0);
    await sleep(700);
    expect(runs).toBe(1);
    finish();
    await until(() => runs >= 3);
  });

  it('runs a schedule again after all processes were stopped', async () => {
    let runs = 0;
    const run = async (): Promise<void> => void runs++;
    const before = contract.open();
    await before.schedule(contract.queue, 300, run);
    await until(() => runs > 0);
    await before.close();
    const stopped = runs;
    await sleep(700);
    expect(runs).toBe(stopped);
    await contract.open().schedule(contract.queue, 300, run);
    await until(() => runs > stopped + 1);
  });
};
