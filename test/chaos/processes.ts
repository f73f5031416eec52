import { endAll, type Product, until } from '../e2e/start/product';
import type { System } from '../e2e/system';
import { freePort } from '../support/free-port';

/** One API and some workers on one database, each a process that can be killed. */
export interface Processes {
  readonly workers: Product[];
  readonly api: Product;
  /** Of the API. */
  readonly url: string;
  startWorker(): Promise<Product>;
  /** Kills a worker and starts another one in its place. */
  replaceWorker(at: number): Promise<void>;
  /** Kills all of them at once and starts as many. */
  restartAll(): Promise<void>;
}

/** Where a process listens, as it prints it when it is ready, or has waited in vain to be ready: its clock may be wrong. */
const addressOf = async (product: Product): Promise<string> => {
  let url: string | undefined;
  await until(() => {
    url = /^ {2}(?:API|Health) +(http:\/\/[^\s/]+)/m.exec(product.output())?.[1];
    return url !== undefined;
  }, 300_000);
  return url as string;
};

/**
 * Starts them.
 * @param env of every process; `workerEnv` of the workers alone
 */
export const startProcesses = async (
  system: System,
  { workers: count = 2, env = {}, workerEnv = {} }: ProcessOptions = {},
): Promise<Processes> => {
  // The API has the Stripe on loopback, and the workers use it.
  const shared = { ...env, STRIPE_SIM_PORT: String(await freePort()), BILLING_RETURN_ORIGINS: 'http://127.0.0.1' };
  const startWorker = async (): Promise<Product> => {
    const worker = system.start({ ROLE: 'worker', ...shared, ...workerEnv });
    await addressOf(worker);
    return worker;
  };
  const startApi = async (): Promise<{ api: Product; url: string }> => {
    const api = system.start({ ROLE: 'api', ...shared });
    return { api, url: await addressOf(api) };
  };
  const startWorkers = (): Promise<Product[]> => Promise.all(Array.from({ length: count }, startWorker));
  let front = await startApi();
  const workers = await startWorkers();
  return {
    workers,
    get api() {
      return front.api;
    },
    get url() {
      return front.url;
    },
    startWorker,
    replaceWorker: async (at) => {
      await workers[at]?.end('SIGKILL');
      workers[at] = await startWorker();
    },
    restartAll: async () => {
      await endAll();
      front = await startApi();
      workers.splice(0, count, ...(await startWorkers()));
    },
  };
};

interface ProcessOptions {
  readonly workers?: number;
  readonly env?: Record<string, string>;
  readonly workerEnv?: Record<string, string>;
}
