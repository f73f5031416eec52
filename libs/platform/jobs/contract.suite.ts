import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { databaseTarget, startProxy, type TcpProxy } from '#test/support/tcp-proxy';
import { type JobsFixture, type OpenedJobs, type OpenOptions, openJobs } from './contract/support';

export type { JobsFixture } from './contract/support';

const WORKER = join(__dirname, '../../../dist/libs/platform/jobs/contract/worker.js');
const LIMITS = { concurrency: 4, timeoutMs: 10_000 };

interface Numbered {
  readonly n: number;
}

const upTo = (length: number): number[] => Array.from({ length }, (_, n) => n);
const sorted = (numbers: readonly number[]): number[] => [...numbers].sort((a, b) => a - b);

/** Waits until it holds; the test's own time limit ends what never does. */
const until = async (holds: () => boolean | Promise<boolean>): Promise<void> => {
  while (!(await holds())) await sleep(20);
};

/** A promise and what resolves it. */
const gate = () => {
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { open, opened };
};

/** Holds a transport to every sentence of `port.ts`. */
export const jobsContract = (name: string, start: () => Promise<JobsFixture>): void => {
  describe(`jobs over ${name}`, () => {
    let fixture: JobsFixture;
    let queue: string;
    const processes: OpenedJobs[] = [];
    const children: ChildProcess[] = [];
    const proxies: TcpProxy[] = [];

    beforeAll(async () => {
      fixture = await start();
    });
    afterAll(() => fixture?.close());
    beforeEach(() => {
      queue = `q-${randomBytes(6).toString('hex')}`;
    });
    afterEach(async () => {
      for (const child of children.splice(0)) child.kill('SIGKILL');
      await Promise.all(processes.splice(0).map(({ jobs }) => jobs.close()));
      await Promise.all(proxies.splice(0).map((it) => it.close()));
    });

    const open = (options?: OpenOptions, url = fixture.url) => {
      const opened = openJobs(url, { schedulesUrl: fixture.schedulesUrl, ...options });
      processes.push(opened);
      return opened.jobs;
    };
    const proxied = async (): Promise<TcpProxy> => {
      const proxy = await startProxy(databaseTarget(fixture.url));
      proxies.push(proxy);
      return proxy;
    };
    const metric = async (of: OpenedJobs | undefined, metricName: string, labels: object): Promise<number> => {
      const values = (await of?.registry.getSingleMetric(metricName)?.get())?.values ?? [];
      const wanted = JSON.stringify({ queue, ...labels });
      return values.find((it) => JSON.stringify(it.labels) === wanted)?.value ?? 0;
    };

    it('carries each nudge to one of the workers, and all of them take part', async () => {
      const [producer, one, two] = [open(), open(), open()];
      const taken: number[][] = [[], []];
      for (const [at, jobs] of [one, two].entries()) {
        jobs.work<Numbered>(
          queue,
          async ({ n }) => {
            taken[at]?.push(n);
            await sleep(5);
          },
          LIMITS,
        );
      }
      const nudges = producer.queue<Numbered>(queue);
      await nudges.addMany(upTo(60).map((n) => ({ data: { n } })));
      for (const n of upTo(20)) await nudges.add({ n: 60 + n });
      await until(() => taken.flat().length >= 80);
      expect(sorted(taken.flat())).toEqual(upTo(80));
      expect(taken.map((it) => it.length > 0)).toEqual([true, true]);
    });

    it('takes nudges that were given while no worker was there', async () => {
      await open().queue<Numbered>(queue).add({ n: 7 });
      const taken: number[] = [];
      open().work<Numbered>(queue, async ({ n }) => void taken.push(n), LIMITS);
      await until(() => taken.length > 0);
      expect(taken).toEqual([7]);
    });

    it('takes two nudges with one id that both wait for one', async () => {
      const jobs = open();
      const nudges = jobs.queue<Numbered>(queue);
      await nudges.add({ n: 1 }, { id: 'row' });
      await nudges.addMany([{ data: { n: 2 }, id: 'row' }]);
      await nudges.add({ n: 3 }, { id: 'other' });
      const taken: number[] = [];
      jobs.work<Numbered>(queue, async ({ n }) => void taken.push(n), LIMITS);
      await until(() => taken.includes(3));
      await sleep(300);
      expect(sorted(taken)).toEqual([1, 3]);
    });

    it('works again on an id that was worked on, at once', async () => {
      const jobs = open();
      const nudges = jobs.queue<Numbered>(queue);
      const taken: number[] = [];
      jobs.work<Numbered>(queue, async ({ n }) => void taken.push(n), LIMITS);
      for (const n of upTo(20)) {
        await nudges.add({ n }, { id: 'row' });
        await until(() => taken.includes(n));
      }
      expect(taken).toEqual(upTo(20));
    });

    it('loses no nudge that comes while one with its id is worked on, and merges those that come then', async () => {
      const [jobs, other] = [open(), open()];
      const { opened, open: finish } = gate();
      const taken: number[] = [];
      for (const it of [jobs, other]) {
        it.work<Numbered>(
          queue,
          async ({ n }) => {
            taken.push(n);
            if (n === 0) await opened;
          },
          LIMITS,
        );
      }
      const nudges = other.queue<Numbered>(queue);
      await nudges.add({ n: 0 }, { id: 'row' });
      await until(() => taken.length > 0);
      for (const n of [1, 2, 3]) await nudges.add({ n }, { id: 'row' });
      await sleep(300);
      expect(taken).toEqual([0]);
      finish();
      await until(() => taken.length > 1);
      await sleep(300);
      expect(taken).toEqual([0, 3]);
    });

    it('shows a change to every worker that is nudged after it was written, under a storm of nudges', async () => {
      const [one, two] = [open(), open()];
      const rows = upTo(5).map(() => 0);
      const seen = upTo(5).map(() => 0);
      for (const it of [one, two]) {
        it.work<Numbered>(
          queue,
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
          await (change % 2 ? one : two).queue<Numbered>(queue).add({ n }, { id: `row-${n}` });
        }
      };
      await Promise.all(upTo(5).map(write));
      await until(() => seen.every((it) => it === 60));
      expect(seen).toEqual(rows);
    });

    it('waits with a delayed nudge, which holds up neither one that is due nor one that is due earlier', async () => {
      const jobs = open();
      const nudges = jobs.queue<Numbered>(queue);
      const taken: { n: number; after: number }[] = [];
      const started = Date.now();
      jobs.work<Numbered>(queue, async ({ n }) => void taken.push({ n, after: Date.now() - started }), LIMITS);
      await nudges.add({ n: 3 }, { id: 'row', delayMs: 60_000 });
      await nudges.add({ n: 2 }, { id: 'row', delayMs: 1_200 });
      await nudges.add({ n: 1 }, { id: 'row' });
      await until(() => taken.length === 2);
      expect(taken.map((it) => it.n)).toEqual([1, 2]);
      expect(taken[1]?.after).toBeGreaterThanOrEqual(1_100);
    });

    it('keeps a delayed nudge that a handler gives for its own row', async () => {
      const jobs = open();
      const nudges = jobs.queue<Numbered>(queue);
      const taken: number[] = [];
      jobs.work<Numbered>(
        queue,
        async ({ n }) => {
          taken.push(n);
          if (n < 3) await nudges.add({ n: n + 1 }, { id: 'row', delayMs: 100 });
        },
        LIMITS,
      );
      await nudges.add({ n: 0 }, { id: 'row' });
      await until(() => taken.length === 4);
      expect(taken).toEqual([0, 1, 2, 3]);
    });

    it('calls a handler that failed not again, counts it, and takes the next nudge with that id', async () => {
      const jobs = open();
      const nudges = jobs.queue<Numbered>(queue);
      const taken: number[] = [];
      jobs.work<Numbered>(
        queue,
        async ({ n }) => {
          taken.push(n);
          if (n === 1) throw new Error('no');
        },
        LIMITS,
      );
      await nudges.add({ n: 1 }, { id: 'row' });
      await until(async () => (await metric(processes[0], 'tenantry_jobs_total', { outcome: 'failed' })) === 1);
      await nudges.add({ n: 2 }, { id: 'row' });
      await until(async () => (await metric(processes[0], 'tenantry_jobs_total', { outcome: 'completed' })) === 1);
      expect(taken).toEqual([1, 2]);
    });

    it('aborts what takes longer than its time, and continues though it takes no notice', async () => {
      const jobs = open();
      const signals: AbortSignal[] = [];
      jobs.work<Numbered>(
        queue,
        async (_, signal) => {
          signals.push(signal);
          if (signals.length === 1) await new Promise(() => {});
        },
        { concurrency: 1, timeoutMs: 100 },
      );
      await jobs.queue<Numbered>(queue).addMany([{ data: { n: 1 } }, { data: { n: 2 } }]);
      await until(() => signals.length === 2);
      expect(signals[0]?.aborted).toBe(true);
      expect(await metric(processes[0], 'tenantry_jobs_total', { outcome: 'failed' })).toBe(1);
    });

    it('gives what a worker was doing when it was killed to another', async () => {
      const jobs = open();
      await jobs.queue<Numbered>(queue).addMany(upTo(6).map((n) => ({ data: { n } })));
      const child = spawn(process.execPath, [WORKER, fixture.url, queue], { stdio: ['ignore', 'pipe', 'inherit'] });
      children.push(child);
      const held: number[] = [];
      child.stdout?.on('data', (chunk: Buffer) => held.push(...String(chunk).trim().split('\n').map(Number)));
      await until(() => held.length === 3);
      child.kill('SIGKILL');
      await once(child, 'exit');
      const taken: number[] = [];
      jobs.work<Numbered>(queue, async ({ n }) => void taken.push(n), LIMITS);
      await until(() => taken.length === 6);
      expect(sorted(taken)).toEqual(upTo(6));
      expect(taken).toEqual(expect.arrayContaining(held));
    });

    it('runs a schedule once in each slot, whichever processes there are, and never twice at a time', async () => {
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
      const three = [open(), open(), open()];
      const first = slotNow();
      await Promise.all(three.map((jobs) => jobs.schedule(queue, 1_000, run)));
      await until(() => runs >= 2);
      await Promise.all(three.slice(0, 2).map((jobs) => jobs.close()));
      await until(() => runs >= 4);
      expect(most).toBe(1);
      // A run may begin late, in the slot after its own, where the machine is busy; there are never more runs than slots.
      expect(runs).toBeLessThanOrEqual(slotNow() - first + 1);
    });

    it('does not run a schedule while its last run is under way, and continues after a run that failed', async () => {
      const jobs = open();
      const other = open();
      const { opened, open: finish } = gate();
      let runs = 0;
      const run = async (): Promise<void> => {
        if (++runs > 1) return;
        await opened;
        throw new Error('no');
      };
      await jobs.schedule(queue, 200, run);
      await other.schedule(queue, 200, run);
      await until(() => runs > 0);
      await sleep(700);
      expect(runs).toBe(1);
      finish();
      await until(() => runs >= 3);
    });

    it('runs a schedule again after all processes were down', async () => {
      let runs = 0;
      const run = async (): Promise<void> => void runs++;
      const before = open();
      await before.schedule(queue, 300, run);
      await until(() => runs > 0);
      await before.close();
      const stopped = runs;
      await sleep(700);
      expect(runs).toBe(stopped);
      await open().schedule(queue, 300, run);
      await until(() => runs > stopped + 1);
    });

    it('continues after the server ended every connection', async () => {
      const jobs = open();
      const nudges = jobs.queue<Numbered>(queue);
      const taken = new Set<number>();
      jobs.work<Numbered>(queue, async ({ n }) => void taken.add(n), LIMITS);
      await nudges.add({ n: 0 });
      await until(() => taken.has(0));
      for (const n of [1, 2, 3]) {
        await fixture.cut();
        // Nudges that are not taken are the sweeper's; here the sweeper is this loop.
        await until(async () => {
          await nudges.add({ n }, { id: `row-${n}` });
          await sleep(100);
          return taken.has(n);
        });
      }
      expect([...taken]).toEqual([0, 1, 2, 3]);
    });

    it.each(['refuse', 'blackHole'] as const)(
      'is quick to give up while the server is not available (%s), and works after',
      async (fault) => {
        const proxy = await proxied();
        const jobs = open({}, proxy.through(fixture.url));
        const nudges = jobs.queue<Numbered>(queue);
        const taken: number[] = [];
        jobs.work<Numbered>(queue, async ({ n }) => void taken.push(n), LIMITS);
        await nudges.add({ n: 0 });
        await until(() => taken.includes(0));
        await proxy[fault]();
        for (const n of upTo(20)) await nudges.add({ n: 100 + n });
        expect(await metric(processes[0], 'tenantry_job_nudges_lost_total', {})).toBeGreaterThan(15);
        await sleep(3_000);
        // Given by a process that still gets through, and to be noticed by one that comes back.
        await open().queue<Numbered>(queue).add({ n: 1 });
        await proxy.heal();
        await until(() => taken.includes(1));
        await until(async () => {
          await nudges.add({ n: 2 }, { id: 'row' });
          await sleep(100);
          return taken.includes(2);
        });
      },
    );

    it('starts while the server is not available, and works once it is there', async () => {
      const proxy = await proxied();
      await proxy.refuse();
      const schedulesUrl = fixture.url.startsWith('postgres')
        ? proxy.through(fixture.schedulesUrl)
        : fixture.schedulesUrl;
      const jobs = open({ schedulesUrl }, proxy.through(fixture.url));
      const taken: number[] = [];
      let runs = 0;
      jobs.work<Numbered>(queue, async ({ n }) => void taken.push(n), LIMITS);
      await jobs.schedule(`${queue}-s`, 600_000, async () => void runs++);
      await jobs.queue<Numbered>(queue).add({ n: 0 });
      await sleep(1_500);
      await proxy.heal();
      await open().queue<Numbered>(queue).add({ n: 1 });
      await until(() => taken.includes(1) && runs === 1);
    });

    it('waits at its end for what runs, and takes nothing more', async () => {
      const jobs = open();
      const { opened, open: finish } = gate();
      const taken: number[] = [];
      let ended = 0;
      jobs.work<Numbered>(
        queue,
        async ({ n }) => {
          taken.push(n);
          await opened;
          ended += 1;
        },
        { concurrency: 2, timeoutMs: 10_000 },
      );
      await jobs.queue<Numbered>(queue).addMany(upTo(5).map((n) => ({ data: { n } })));
      await until(() => taken.length === 2);
      const closing = jobs.close().then(() => ended);
      await sleep(200);
      expect(ended).toBe(0);
      finish();
      expect(await closing).toBe(2);
      expect(taken).toHaveLength(2);
      const rest: number[] = [];
      open().work<Numbered>(queue, async ({ n }) => void rest.push(n), LIMITS);
      await until(() => rest.length === 3);
      expect(sorted([...taken, ...rest])).toEqual(upTo(5));
    });

    it('aborts what outlasts the grace at its end, and ends', async () => {
      const jobs = open({ graceMs: 200 });
      let signal: AbortSignal | undefined;
      jobs.work<Numbered>(
        queue,
        async (_, given) => {
          signal = given;
          await new Promise(() => {});
        },
        LIMITS,
      );
      await jobs.queue<Numbered>(queue).add({ n: 1 });
      await until(() => signal !== undefined);
      await jobs.close();
      expect(signal?.aborted).toBe(true);
    });

    it('ends though the server is not available', async () => {
      const proxy = await proxied();
      const jobs = open({ graceMs: 500 }, proxy.through(fixture.url));
      const taken: number[] = [];
      jobs.work<Numbered>(queue, async ({ n }) => void taken.push(n), LIMITS);
      await jobs.queue<Numbered>(queue).add({ n: 1 });
      await until(() => taken.length === 1);
      proxy.blackHole();
      await jobs.close();
    });

    it.each(['refuse', 'blackHole'] as const)(
      'does not wait for the grace at its end where nothing runs, though the server is not available (%s)',
      async (fault) => {
        const proxy = await proxied();
        const jobs = open({ graceMs: 3_600_000 }, proxy.through(fixture.url));
        const taken: number[] = [];
        jobs.work<Numbered>(queue, async ({ n }) => void taken.push(n), LIMITS);
        await jobs.queue<Numbered>(queue).add({ n: 1 });
        await until(() => taken.length === 1);
        await proxy[fault]();
        await jobs.close();
      },
    );

    it('tells how many jobs wait', async () => {
      const jobs = open();
      await jobs.queue<Numbered>(queue).addMany(upTo(3).map((n) => ({ data: { n } })));
      await until(async () => (await metric(processes[0], 'tenantry_jobs', { state: 'waiting' })) === 3);
    });
  });
};
