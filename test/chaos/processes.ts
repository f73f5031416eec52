import { endAll, type Product, until } from '../e2e/start/product';
import type { System } from '../e2e/system';
import { freePort } from '../support/free-port';

/** One API and several workers on one database; each is a process that can be killed. */
export interface Processes {
  readonly workers: Product[];
  readonly api: Product;
  /** The URL of the API. */
  readonly url: string;
  startWorker(): Promise<Product>;
  /** Kills the worker with this index and starts another one in its place. */
  replaceWorker(at: number): Promise<void>;
  /** Kills all processes at the same time and starts the same number. */
  restartAll(): Promise<void>;
}

/**
 * The address that a process prints when it is ready, or after it has waited for that too long, as with a wrong clock.
 */
const addressOf = async (product: Product): Promise<string> => {
  let url: string | undefined;
  await until(() => {
    url = /^ {2}(?:API|Health) +(http:\/\/[^\s/]+)/m.exec(product.output())?.[1];
    return url !== undefined;
  }, 300_000);
  return url as string;
};

/**
 * Starts one API and several workers.
 * @param options see {@link ProcessOptions}
 */
export const startProcesses = async (system: System, options: ProcessOptions = {}): Promise<Processes> => {
  const { workers: count = 2, env = {}, workerEnv = {} } = options;
  // The API starts the simulated Stripe on loopback, which the workers use, too.
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
  let started = await startApi();
  const workers = await startWorkers();
  return {
    workers,
    get api() {
      return started.api;
    },
    get url() {
      return started.url;
    },
    startWorker,
    replaceWorker: async (at) => {
      await workers[at]?.end('SIGKILL');
      workers[at] = await startWorker();
    },
    restartAll: async () => {
      await endAll();
      started = await startApi();
      workers.splice(0, count, ...(await startWorkers()));
    },
  };
};

interface ProcessOptions {
  /** The number of workers; 2 by default. */
  readonly workers?: number;
  /** Additional settings of every process. */
  readonly env?: Record<string, string>;
  /** Additional settings of the workers alone. */
  readonly workerEnv?: Record<string, string>;
}
