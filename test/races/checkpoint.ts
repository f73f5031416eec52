import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import type { RecordedEvent } from '#event-log/port';
import { withClient } from '#platform/database/connections/pools';
import { uuidv7 } from '#platform/ids/uuid';
import { silentLogger } from '#platform/logging/logger.port';
import {
  advance,
  advanceOf,
  type Checkpoint,
  readCheckpoint,
  readParkedPartitions,
} from '#projecting/checkpoints/checkpoint';
import { foldEvents } from '#projecting/fold/fold';
import { runLive } from '#projecting/fold/live';
import { resumePartition } from '#projecting/parking/parking';
import { createProgress } from '#projecting/read-your-writes/progress';
import { rebuild } from '#projecting/rebuild/rebuild';
import { RowBuffer } from '#projecting/rows/row-buffer';
import { requestRebuild } from '#projecting/versions/install';
import { InMemoryEventLog, InMemoryStore } from '#testing/in-memory-event-log';
import { type Fault, faultyPool } from './faulty-pool';
import { type NotesWorld, POISON, TOO_LONG } from './notes';

/** Changes the text of statements before they are sent, to put a bug into them. */
export type Rewrite = (sql: string) => string;

const WORKERS = 3;
const MANY = 10_000;

/** The failure that was found, with its seed and its shortest counterexample; undefined if there was none. */
const reportOf = async <T>(checked: Promise<fc.RunDetails<T>>): Promise<string | undefined> => {
  const details = await checked;
  return details.failed ? `${fc.defaultReportMessage(details)}\n${details.errorInstance}` : undefined;
};

/** A log for one run, with two notes of each of three tenants. */
const createNotebook = () => {
  const log = new InMemoryEventLog(new InMemoryStore());
  const tenants = Array.from({ length: 3 }, () => uuidv7());
  const streams = [...tenants, ...tenants].map((tenantId) => ({ tenantId, aggregate: 'note', id: uuidv7() }));
  return {
    log,
    tenants,
    write: async (note: number, text: string): Promise<void> => {
      const stream = streams[note % streams.length];
      if (!stream) return;
      await log.append({
        stream,
        expected: 'any',
        events: [{ type: 'NoteWritten', data: { text } }],
        commandId: uuidv7(),
        actor: { kind: 'system' },
        correlationId: 'race',
      });
    },
    events: async (): Promise<readonly RecordedEvent[]> => (await log.readAll({ after: 0n, limit: MANY })).events,
  };
};

/** @throws Error the read model is not the fold of the events */
const requireMatch = async (
  world: NotesWorld,
  events: readonly RecordedEvent[],
  after: string,
  skipped?: ReadonlySet<bigint>,
): Promise<void> => {
  const mismatch = await world.findMismatch(events, skipped);
  if (mismatch) throw new Error(`after ${after}, ${mismatch}`);
};

const aFault = fc.constantFrom<Fault>('none', 'none', 'none', 'request', 'answer');
const aWorker = fc.nat(WORKERS - 1);
const aNote = fc.nat(5);
/** A placeholder for a text that is refused. */
const BAD = 'bad';
const aText = fc.nat(4).map((it) => (it === 0 ? BAD : `text ${it}`));

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

/** Rebuilds the read model. With `diesAt`, a first attempt fails at its n-th statement, and a second one succeeds. */
const rebuildNow = async (world: NotesWorld, log: InMemoryEventLog, diesAt: number | null): Promise<void> => {
  const { projection, pool, roles } = world;
  let statements = 0;
  const failing = faultyPool(pool, () => (diesAt !== null && statements++ === diesAt ? 'answer' : 'none'));
  for (const attemptPool of diesAt === null ? [pool] : [failing, pool]) {
    const id = await withClient(pool, (client) => requestRebuild(client, projection.name));
    const options = { log, pool: attemptPool, roles, logger: silentLogger, signal: new AbortController().signal };
    await rebuild(projection, id, { ...options, chunkRows: 3, pageSize: 4 }).catch((error: unknown) => {
      if (attemptPool === pool) throw error;
    });
  }
};

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
