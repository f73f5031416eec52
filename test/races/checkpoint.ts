import fc from 'fast-check';
import type { RecordedEvent } from '#event-log/port';
import { withClient } from '#platform/database/connections/pools';
import {
  advance,
  advanceOf,
  type Checkpoint,
  readCheckpoint,
  readParkedPartitions,
} from '#projecting/checkpoints/checkpoint';
import { foldEvents } from '#projecting/fold/fold';
import { resumePartition } from '#projecting/parking/parking';
import { RowBuffer } from '#projecting/rows/row-buffer';
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
import { type NotesWorld, POISON } from './notes';

export { checkLiveWorkers } from './live-workers';
export type { Rewrite } from './notebook';

type Step = typeof aStep extends fc.Arbitrary<infer T> ? T : never;

const aStep = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('append' as const), note: aNote, text: aText }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('read' as const), worker: aWorker }) },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('fold' as const), worker: aWorker, limit: fc.integer({ min: 1, max: 5 }) }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('write' as const),
      workers: fc.uniqueArray(aWorker, { minLength: 1 }),
      fault: aFault,
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('skip' as const), partition: fc.nat(2) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('pause' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('rebuild' as const), diesAt: fc.option(fc.nat(20)) }) },
);

/**
 * A worker reads a page while a partition is parked, and does not fold the event of that partition. An operator resumes
 * the partition, and then the worker writes. Random steps rarely contain this case.
 */
const RESUMED_MEANWHILE = [
  { do: 'append', note: 0, text: BAD },
  { do: 'read', worker: 0 },
  { do: 'fold', worker: 0, limit: 5 },
  { do: 'write', workers: [0], fault: 'none' },
  { do: 'append', note: 3, text: 'text 1' },
  { do: 'read', worker: 0 },
  { do: 'fold', worker: 0, limit: 5 },
  { do: 'skip', partition: 0 },
  { do: 'write', workers: [0], fault: 'none' },
] as const;

/** The state that a worker keeps between its steps. */
interface Worker {
  from: Checkpoint | undefined;
  parked: Set<string>;
  page: { readonly events: readonly RecordedEvent[]; readonly position: bigint } | undefined;
}

/**
 * Several workers execute steps in random orders: the state that they remember may be old, their statements and answers
 * may be lost, and an operator or a rebuild may act between two steps. After each step the read model must equal the
 * fold of the events up to its checkpoint, and no event may have been applied twice.
 * @returns the failure that was found; undefined if there was none
 */
export const checkWorkerSteps = (world: NotesWorld, numRuns: number, rewrite?: Rewrite) =>
  reportOf(
    fc.check(
      fc.asyncProperty(fc.array(aStep, { minLength: 20, maxLength: 90, size: 'max' }), async (steps) => {
        await world.reset();
        const { projection, pool } = world;
        const notebook = createNotebook();
        const workers = Array.from(
          { length: WORKERS },
          (): Worker => ({ from: undefined, parked: new Set(), page: undefined }),
        );
        const skipped = new Set<bigint>();
        let fault: Fault = 'none';
        const faulty = faultyPool(pool, () => fault, rewrite);

        const write = async (worker: Worker): Promise<boolean> => {
          const { from, page, parked } = worker;
          if (!from || !page || page.position <= from.position) return false;
          const buffer = new RowBuffer(projection.tables);
          const newlyParked = foldEvents(projection, page.events, parked, buffer);
          const moved = await withClient(faulty, (client) =>
            advance(
              client,
              from,
              advanceOf(projection, { to: page.position, folded: buffer.folded, parked: newlyParked }),
            ),
          ).catch(() => undefined);
          if (moved) {
            worker.from = { ...from, position: page.position };
            for (const { partition } of newlyParked) parked.add(partition);
          }
          worker.page = undefined;
          // Without an answer, the worker does not know where the checkpoint is.
          if (moved === undefined) worker.from = undefined;
          return moved === true;
        };

        for (const step of steps) {
          const worker = 'worker' in step ? workers[step.worker] : undefined;
          if (step.do === 'append') await notebook.write(step.note, step.text === BAD ? POISON : step.text);
          else if (step.do === 'read' && worker) {
            worker.from = await readCheckpoint(pool, projection.name);
            worker.parked = await readParkedPartitions(pool, projection.name);
            worker.page = undefined;
          } else if (step.do === 'fold' && worker?.from) {
            worker.page = await notebook.log.readAll({ after: worker.from.position, limit: step.limit });
          } else if (step.do === 'write') {
            fault = step.fault;
            const moved = await Promise.all(step.workers.map((at) => write(workers[at] as Worker)));
            fault = 'none';
            if (moved.filter(Boolean).length > 1) throw new Error('two workers moved the checkpoint at once');
          } else if (step.do === 'pause') {
            await pool.query(`update projecting.checkpoints set epoch = epoch + 1 where projection = 'notes'`);
          } else if (step.do === 'skip') {
            const partition = notebook.tenants[step.partition] ?? '';
            const position = await world.parkedAt(partition);
            if (position !== undefined) skipped.add(position);
            await resumePartition(pool, notebook.log, projection, partition, { skippedBy: 'an operator' });
          } else if (step.do === 'rebuild') {
            await rebuildNow(world, notebook.log, step.diesAt);
          }
          if (step.do !== 'append' && step.do !== 'read' && step.do !== 'fold')
            await requireMatch(world, await notebook.events(), JSON.stringify(step), skipped);
        }
      }),
      // The shortest counterexample of a bug that a test has put in is not needed.
      {
        numRuns,
        examples: [[[...RESUMED_MEANWHILE].map((it) => ({ ...it }) as Step)]],
        endOnFailure: rewrite !== undefined,
      },
    ),
  );
