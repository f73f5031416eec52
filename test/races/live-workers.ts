import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { silentLogger } from '#platform/logging/logger.port';
import { runLive } from '#projecting/fold/live';
import { createProgress } from '#projecting/read-your-writes/progress';
import { type Fault, faultyPool } from './faulty-pool';
import {
  aFault,
  aNote,
  aText,
  aWorker,
  BAD,
  createNotebook,
  type Rewrite,
  rebuildNow,
  reportOf,
  requireMatch,
  WORKERS,
} from './notebook';
import { type NotesWorld, POISON, TOO_LONG } from './notes';

const anAct = fc.oneof(
  { weight: 8, arbitrary: fc.record({ do: fc.constant('append' as const), note: aNote, text: aText }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('fault' as const), worker: aWorker, fault: aFault }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('kill' as const), worker: aWorker }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('rebuild' as const), diesAt: fc.option(fc.nat(20)) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.nat(8) }) },
);

/**
 * Several workers run the live projection at the same time, with the same faults. The read model is checked again and
 * again meanwhile.
 * @returns the failure that was found; undefined if there was none
 */
export const checkLiveWorkers = (world: NotesWorld, numRuns: number, rewrite?: Rewrite) =>
  reportOf(
    fc.check(
      fc.asyncProperty(
        fc.array(anAct, { minLength: 10, maxLength: 80 }),
        fc.constantFrom(POISON, TOO_LONG),
        async (acts, bad) => {
          await world.reset();
          const notebook = createNotebook();
          const faults = Array.from({ length: WORKERS }, (): Fault => 'none');
          const start = (at: number) => {
            const stop = new AbortController();
            const nextFault = (): Fault => {
              // A killed worker sends no statement any more.
              if (stop.signal.aborted) return 'request';
              const fault = faults[at] ?? 'none';
              faults[at] = 'none';
              return fault;
            };
            const running = runLive(world.projection, {
              log: notebook.log,
              pool: faultyPool(world.pool, nextFault, rewrite),
              progress: createProgress(),
              logger: silentLogger,
              onMoved: () => undefined,
              batch: 3,
              standbyMs: 5,
              signal: stop.signal,
            });
            return { stop: () => stop.abort(), running };
          };
          const workers = Array.from({ length: WORKERS }, (_, at) => start(at));
          const ended: Promise<void>[] = [];
          try {
            for (const act of acts) {
              if (act.do === 'append') await notebook.write(act.note, act.text === BAD ? bad : act.text);
              else if (act.do === 'fault') faults[act.worker] = act.fault;
              else if (act.do === 'wait') await sleep(act.ms);
              // No rebuild is tried with rows that the database refuses.
              else if (act.do === 'rebuild' && bad === TOO_LONG) continue;
              else if (act.do === 'rebuild') await rebuildNow(world, notebook.log, act.diesAt);
              else {
                workers[act.worker]?.stop();
                ended.push(workers[act.worker]?.running ?? Promise.resolve());
                workers[act.worker] = start(act.worker);
              }
              if (act.do === 'wait' || act.do === 'rebuild')
                await requireMatch(world, await notebook.events(), JSON.stringify(act));
            }
            faults.fill('none');
            const events = await notebook.events();
            const head = events.at(-1)?.position ?? 0n;
            for (const end = Date.now() + 10_000; (await world.position()) < head; await sleep(5))
              if (Date.now() > end) throw new Error(`the checkpoint has stopped before ${head}`);
            await requireMatch(world, events, 'all events');
          } finally {
            for (const worker of workers) worker.stop();
            await Promise.all([...ended, ...workers.map(({ running }) => running)]);
          }
        },
      ),
      // A race rarely occurs again with a shorter sequence, so no shorter one is searched for.
      { numRuns, endOnFailure: true },
    ),
  );
