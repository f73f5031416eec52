import { setTimeout as sleep } from 'node:timers/promises';
import { type ContractRun, gate, LIMITS, type Numbered, sorted, until, upTo } from './contract-run';

/** Which wake-ups reach a handler, how often and when. */
export const deliveries = (contract: ContractRun): void => {
  it('delivers each wake-up to exactly one worker, and wake-ups to every worker', async () => {
    const [producer, one, two] = [contract.open(), contract.open(), contract.open()];
    const received: number[][] = [[], []];
    for (const [at, jobs] of [one, two].entries()) {
      jobs.work<Numbered>(
        contract.queue,
        async ({ n }) => {
          received[at]?.push(n);
          await sleep(5);
        },
        LIMITS,
      );
    }
    const wakeUps = producer.queue<Numbered>(contract.queue);
    await wakeUps.addMany(upTo(60).map((n) => ({ data: { n } })));
    for (const n of upTo(20)) await wakeUps.add({ n: 60 + n });
    await until(() => received.flat().length >= 80);
    expect(sorted(received.flat())).toEqual(upTo(80));
    expect(received.map((it) => it.length > 0)).toEqual([true, true]);
  });

  it('delivers a wake-up that was added before any worker existed', async () => {
    await contract.open().queue<Numbered>(contract.queue).add({ n: 7 });
    const received: number[] = [];
    contract.open().work<Numbered>(contract.queue, async ({ n }) => void received.push(n), LIMITS);
    await until(() => received.length > 0);
    expect(received).toEqual([7]);
  });

  it('merges two waiting wake-ups with the same id', async () => {
    const jobs = contract.open();
    const wakeUps = jobs.queue<Numbered>(contract.queue);
    await wakeUps.add({ n: 1 }, { id: 'row' });
    await wakeUps.addMany([{ data: { n: 2 }, id: 'row' }]);
    await wakeUps.add({ n: 3 }, { id: 'other' });
    const received: number[] = [];
    jobs.work<Numbered>(contract.queue, async ({ n }) => void received.push(n), LIMITS);
    await until(() => received.includes(3));
    await sleep(300);
    expect(sorted(received)).toEqual([1, 3]);
  });

  it('delivers a wake-up whose id was processed before, without a delay', async () => {
    const jobs = contract.open();
    const wakeUps = jobs.queue<Numbered>(contract.queue);
    const received: number[] = [];
    jobs.work<Numbered>(contract.queue, async ({ n }) => void received.push(n), LIMITS);
    for (const n of upTo(20)) {
      await wakeUps.add({ n }, { id: 'row' });
      await until(() => received.includes(n));
    }
    expect(received).toEqual(upTo(20));
  });

  it('delivers a wake-up that is added while one with its id is processed, and merges several of them', async () => {
    const [jobs, other] = [contract.open(), contract.open()];
    const { opened, open: finish } = gate();
    const received: number[] = [];
    for (const it of [jobs, other]) {
      it.work<Numbered>(
        contract.queue,
        async ({ n }) => {
          received.push(n);
          if (n === 0) await opened;
        },
        LIMITS,
      );
    }
    const wakeUps = other.queue<Numbered>(contract.queue);
    await wakeUps.add({ n: 0 }, { id: 'row' });
    await until(() => received.length > 0);
    for (const n of [1, 2, 3]) await wakeUps.add({ n }, { id: 'row' });
    await sleep(300);
    expect(received).toEqual([0]);
    finish();
    await until(() => received.length > 1);
    await sleep(300);
    expect(received).toEqual([0, 3]);
  });

  it('calls a handler that reads the last change of each row, also when many wake-ups are added at once', async () => {
    const [one, two] = [contract.open(), contract.open()];
    const rows = upTo(5).map(() => 0);
    const seen = upTo(5).map(() => 0);
    for (const it of [one, two]) {
      it.work<Numbered>(
        contract.queue,
        async ({ n }) => {
          const read = rows[n] ?? 0;
          await sleep(Math.random() * 4);
          seen[n] = Math.max(seen[n] ?? 0, read);
        },
        LIMITS,
      );
    }
    const write = async (n: number): Promise<void> => {
      for (let change = 1; change <= 60; change++) {
        rows[n] = change;
        await (change % 2 ? one : two).queue<Numbered>(contract.queue).add({ n }, { id: `row-${n}` });
      }
    };
    await Promise.all(upTo(5).map(write));
    await until(() => seen.every((it) => it === 60));
    expect(seen).toEqual(rows);
  });

  it('delivers a delayed wake-up when it is due, and an earlier one with the same id before it', async () => {
    const jobs = contract.open();
    const wakeUps = jobs.queue<Numbered>(contract.queue);
    const received: { n: number; after: number }[] = [];
    const started = Date.now();
    jobs.work<Numbered>(
      contract.queue,
      async ({ n }) => void received.push({ n, after: Date.now() - started }),
      LIMITS,
    );
    await wakeUps.add({ n: 3 }, { id: 'row', delayMs: 60_000 });
    await wakeUps.add({ n: 2 }, { id: 'row', delayMs: 1_200 });
    await wakeUps.add({ n: 1 }, { id: 'row' });
    await until(() => received.length === 2);
    expect(received.map((it) => it.n)).toEqual([1, 2]);
    expect(received[1]?.after).toBeGreaterThanOrEqual(1_100);
  });

  it('delivers a delayed wake-up that a handler adds for its own row', async () => {
    const jobs = contract.open();
    const wakeUps = jobs.queue<Numbered>(contract.queue);
    const received: number[] = [];
    jobs.work<Numbered>(
      contract.queue,
      async ({ n }) => {
        received.push(n);
        if (n < 3) await wakeUps.add({ n: n + 1 }, { id: 'row', delayMs: 100 });
      },
      LIMITS,
    );
    await wakeUps.add({ n: 0 }, { id: 'row' });
    await until(() => received.length === 4);
    expect(received).toEqual([0, 1, 2, 3]);
  });
};
