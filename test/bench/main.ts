import { writeFile } from 'node:fs/promises';
import { type BigSystem, createBigSystem } from './big-system';
import type { RowId } from './catalogue';
import type { Bench, Group, Measured } from './group';
import { type Options, paceOf, readOptions } from './options';
import { reportOf, tableOf } from './report';
import { appending } from './rows/append';
import { size } from './rows/bytes';
import { eventStoreAppends, eventStoreLive } from './rows/eventstoredb';
import { appendGrown } from './rows/growth';
import { httpAuth, httpCommand } from './rows/http';
import { joining } from './rows/join';
import { processes } from './rows/processes';
import { projectLive } from './rows/project-live';
import { queryGrown, queryUnderSecurity } from './rows/query';
import { projectRebuild, rebuildMemory } from './rows/rebuild';
import { coldStart } from './rows/start';
import { streamLoad } from './rows/stream';
import { tasksListed } from './rows/tasks';
import { visible } from './rows/visible';
import { unlocking, webhookBurst, webhookTaken } from './rows/webhook';
import { openServer } from './server';
import { endChildren } from './started';
import { median, shown } from './statistics';

const GROUPS: readonly Group[] = [
  appending,
  processes,
  projectLive,
  projectRebuild,
  rebuildMemory,
  queryUnderSecurity,
  tasksListed,
  visible,
  appendGrown,
  queryGrown,
  streamLoad,
  size,
  httpAuth,
  httpCommand,
  joining,
  webhookTaken,
  webhookBurst,
  unlocking,
  eventStoreAppends,
  eventStoreLive,
  coldStart,
];

const say = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

/** Measures the requested groups one after the other. An error fails only its own group. */
const measureAll = async (bench: Bench): Promise<{ measured: Measured[]; failed: number }> => {
  const measured: Measured[] = [];
  let failed = 0;
  for (const group of GROUPS) {
    if (!group.ids.some((id) => bench.wants(id))) continue;
    const reason = group.unavailable?.();
    if (reason !== undefined) {
      say(`${group.ids.join(', ')}: not measured, because ${reason}`);
      continue;
    }
    try {
      const results = (await group.measure(bench)).filter(({ id }) => bench.wants(id));
      for (const { id, samples, detail } of results) say(`${id} ${shown(median(samples))}: ${detail}`);
      measured.push(...results);
    } catch (error) {
      failed += 1;
      say(`${group.ids.join(', ')}: FAILED, ${error instanceof Error ? error.stack : error}`);
    } finally {
      // A failed group may have left processes running.
      endChildren();
    }
  }
  return { measured, failed };
};

const run = async (options: Options): Promise<number> => {
  const began = new Date();
  const pace = paceOf(options);
  const server = await openServer();
  let big: Promise<BigSystem> | undefined;
  const bench: Bench = {
    server,
    pace,
    wants: (id: RowId) => options.only?.has(id) ?? true,
    bigSystem: () => {
      big ??= createBigSystem(pace, say);
      return big;
    },
    say,
  };
  let stopping = false;
  // Ctrl-C arrives twice, from the terminal and from scripts/bench.mjs.
  const stop = (): void => {
    if (!stopping) endChildren();
    if (!stopping) void server.stop().finally(() => process.exit(130));
    stopping = true;
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, stop);
  try {
    const { measured, failed } = await measureAll(bench);
    const report = reportOf(measured, server, pace, began);
    say(`\n${tableOf(report)}`);
    if (options.json) await writeFile(options.json, `${JSON.stringify(report, undefined, 2)}\n`);
    return failed === 0 ? 0 : 1;
  } finally {
    await server.stop();
  }
};

const main = async (): Promise<void> => {
  process.exitCode = await run(readOptions(process.argv.slice(2)));
};

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.stack : error}\n`);
  process.exitCode = 1;
});
