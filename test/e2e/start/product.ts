import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { isAlive } from '#platform/embedded-postgres/process-identity';

export const root = join(__dirname, '../../..');

export interface Product {
  readonly pid: number;
  /** Everything that the process has printed so far. */
  output(): string;
  /** Resolves to the URL of the API once the start is printed. Rejects if the process ends before, or after 180 s. */
  ready(): Promise<string>;
  /** Sends a signal and waits for the end. @returns the exit code; null if a signal ended the process */
  end(signal: NodeJS.Signals): Promise<number | null>;
  /** Resolves to the exit code; null if a signal ended the process. */
  ended(): Promise<number | null>;
}

export interface Launch {
  readonly env?: Record<string, string>;
  /** Command and arguments in front of `node`, for example to change the user. */
  readonly prefix?: readonly string[];
  readonly cwd?: string;
  /** The folder of the compiled product; `dist` of this tree by default. */
  readonly dist?: string;
}

/** The length of the end of an output that a message shows. */
const OUTPUT_CHARACTERS = 4_000;

const started = new Set<Product>();

/** Starts the built product as a process, on free ports, without the environment of the test. */
export const launch = (
  dataDir: string,
  { env = {}, prefix = [], cwd = root, dist = join(root, 'dist') }: Launch = {},
): Product => {
  const [file = process.execPath, ...args] = [...prefix, process.execPath, join(dist, 'apps/main.js')];
  const child = spawn(file, args, {
    cwd,
    env: { PATH: process.env['PATH'], PORT: '0', WORKER_PORT: '0', STRIPE_SIM_PORT: '0', DATA_DIR: dataDir, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let printed = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => (printed += String(data)));
  const exit = once(child, 'close').then(([code]) => code as number | null);
  const product: Product = {
    pid: child.pid ?? 0,
    output: () => printed,
    ready: async () => {
      for (const end = Date.now() + 180_000; Date.now() < end; await sleep(20)) {
        const url = /^ {2}API +(\S+)\n[\s\S]*\/v1\/tenant/m.exec(printed)?.[1];
        if (url) return url;
        if (child.exitCode !== null || child.signalCode !== null) break;
      }
      throw new Error(`the product did not start:\n${printed}`);
    },
    end: (signal) => {
      child.kill(signal);
      return exit;
    },
    ended: () => exit,
  };
  started.add(product);
  return product;
};

/** What each process of {@link launch} has printed last, for the message of a failed test. */
export const outputs = (): string[] =>
  [...started].map((product) => `process ${product.pid}:\n${product.output().slice(-OUTPUT_CHARACTERS)}`);

/** Kills all products of {@link launch} that still run, for example after a failed test. */
export const endAll = async (): Promise<void> => {
  for (const product of started) if (isAlive(product.pid)) await product.end('SIGKILL');
  started.clear();
};

/** The process id of the embedded PostgreSQL of a data folder; 0 if there is no pid file. */
export const serverPid = (dataDir: string): number => {
  try {
    return Number(readFileSync(join(dataDir, 'postgres/postmaster.pid'), 'utf8').split('\n')[0]);
  } catch {
    return 0;
  }
};

/** Sends one query to the embedded PostgreSQL directly. */
export const query = async <R>(dataDir: string, sql: string): Promise<R[]> => {
  const read = (name: string): string => readFileSync(join(dataDir, name), 'utf8').trim();
  const port = Number(read('postgres.port'));
  const password = read('postgres.password');
  const client = new Client({ host: '127.0.0.1', port, user: 'tenantry_owner', password, database: 'tenantry' });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return (await client.query(sql)).rows as R[];
  } finally {
    await client.end();
  }
};

/** Checks a condition every 20 ms until it is true. @param ms longest wait @throws Error if it is not true by then */
export const until = async (condition: () => boolean | Promise<boolean>, ms: number): Promise<void> => {
  for (const end = Date.now() + ms; Date.now() < end; await sleep(20)) if (await condition()) return;
  throw new Error(`the condition was not true within ${ms} ms: ${condition}`);
};

/**
 * Waits up to 10 s for `/readyz`: one check may exceed its time limit of 1 s on a busy machine.
 * @throws Error after that
 */
export const isReady = async (url: string): Promise<boolean> => {
  await until(async () => (await fetch(`${url}/readyz`)).status === 200, 60_000);
  return true;
};
