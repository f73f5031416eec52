import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { buildRoot } from '../build-root';
import type { Bench, Group, Measured } from '../group';
import { temporaryDirectory } from '../server';
import { remember } from '../started';
import { median, shown } from '../statistics';

const START_MS = 90_000;

const isReady = async (url: string): Promise<boolean> => {
  const answer = await fetch(`${url}/readyz`).catch(() => undefined);
  return answer?.ok === true;
};

/** Seconds from `npm start` until /readyz answers 200. The product is stopped afterwards. */
const secondsOfStart = async (dataDir: string): Promise<number> => {
  const { PATH, HOME } = process.env;
  const began = performance.now();
  const child = remember(
    spawn('npm', ['start', '--silent'], {
      cwd: buildRoot,
      env: { PATH, HOME, DATA_DIR: dataDir, PORT: '0', LOG_FORMAT: 'json' },
      stdio: ['ignore', 'pipe', 'pipe'],
    }),
  );
  const ended = once(child, 'close');
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => (output += String(data)));
  const deadline = began + START_MS;
  try {
    while (performance.now() < deadline && child.exitCode === null) {
      const url = /^ {2}API +(\S+)$/m.exec(output)?.[1];
      if (url !== undefined && (await isReady(url))) return (performance.now() - began) / 1_000;
      await sleep(5);
    }
    throw new Error(`npm start did not become ready:\n${output}`);
  } finally {
    child.kill('SIGTERM');
    await ended;
  }
};

/** The start for which a developer waits each time: with everything embedded, on existing data. */
export const coldStart: Group = {
  ids: ['start.cold'],
  measure: async ({ pace }: Bench): Promise<Measured[]> => {
    const directory = await temporaryDirectory();
    const dataDir = join(directory, 'data');
    try {
      const first = await secondsOfStart(dataDir);
      const samples: number[] = [];
      for (let round = 0; round < (pace.short ? 2 : pace.rounds); round++) samples.push(await secondsOfStart(dataDir));
      const detail = `${shown(median(samples))} s, the very first ${shown(first)} s`;
      return [{ id: 'start.cold', samples, detail }];
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  },
};
