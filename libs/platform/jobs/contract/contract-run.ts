import type { ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { databaseTarget, startProxy, type TcpProxy } from '#test/support/tcp-proxy';
import { type JobsFixture, type OpenedJobs, type OpenOptions, openJobs } from './support';

export const LIMITS = { concurrency: 4, timeoutMs: 10_000 };

export interface Numbered {
  readonly n: number;
}

export const upTo = (length: number): number[] => Array.from({ length }, (_, n) => n);
export const sorted = (numbers: readonly number[]): number[] => [...numbers].sort((a, b) => a - b);

/** Resolves once the condition holds. If it never does, the time limit of the test ends the wait. */
export const until = async (holds: () => boolean | Promise<boolean>): Promise<void> => {
  while (!(await holds())) await sleep(20);
};

/** A promise `opened` that the function `open` resolves. */
export const gate = () => {
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { open, opened };
};

/** The tools of the tests of the contract. After each test, everything that it opened is closed. */
export interface ContractRun {
  readonly fixture: JobsFixture;
  /** The name of a queue that only the present test uses. */
  readonly queue: string;
  /** The jobs that `open` has opened in the present test. */
  readonly processes: readonly OpenedJobs[];
  /** Child processes that are killed after the present test. */
  readonly children: ChildProcess[];
  /** Opens jobs as another process would. */
  open(options?: OpenOptions, url?: string): OpenedJobs['jobs'];
  /** A proxy in front of the server of the jobs. */
  proxy(): Promise<TcpProxy>;
  /** The value of a metric of the present queue; 0 if it has none. */
  metric(of: OpenedJobs | undefined, metricName: string, labels: object): Promise<number>;
}

/** Registers the hooks of jest that start the fixture and clean up after each test. */
export const startContractRun = (start: () => Promise<JobsFixture>): ContractRun => {
  let fixture: JobsFixture | undefined;
  let queue = '';
  const processes: OpenedJobs[] = [];
  const children: ChildProcess[] = [];
  const proxies: TcpProxy[] = [];
  const started = (): JobsFixture => {
    if (!fixture) throw new Error('the fixture is not started');
    return fixture;
  };

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

  return {
    get fixture() {
      return started();
    },
    get queue() {
      return queue;
    },
    processes,
    children,
    open: (options, url = started().url) => {
      const opened = openJobs(url, { schedulesUrl: started().schedulesUrl, ...options });
      processes.push(opened);
      return opened.jobs;
    },
    proxy: async () => {
      const proxy = await startProxy(databaseTarget(started().url));
      proxies.push(proxy);
      return proxy;
    },
    metric: async (of, metricName, labels) => {
      const values = (await of?.registry.getSingleMetric(metricName)?.get())?.values ?? [];
      const wanted = JSON.stringify({ queue, ...labels });
      return values.find((it) => JSON.stringify(it.labels) === wanted)?.value ?? 0;
    },
  };
};
