import type { ProjectEvent } from '#domain/project/events';
import { type Project, projectFold } from '#domain/project/evolve';
import { AggregateStore } from '#event-log/aggregate/aggregate-store';
import { findInvalidMarks } from '#event-log/mark';
import type { EventLog, Position } from '#event-log/port';
import { createPostgresEventLog } from '#event-log/postgres/postgres-event-log';
import { uuidv7 } from '#platform/ids/uuid';
import { startDatabaseClock } from '#platform/lease/database-clock';
import { silentLogger } from '#platform/logging/logger.port';
import { sleep } from '#platform/loops/backoff';
import { readCheckpointMarks } from '#projecting/checkpoints/checkpoint-marks';
import { createCheckpointWatch } from '#projecting/checkpoints/checkpoint-watch';
import { runLive } from '#projecting/fold/live';
import { createPositionWaiter } from '#projecting/read-your-writes/position-waiter';
import { createProgress } from '#projecting/read-your-writes/progress';
import { runReaction } from '#reacting/delivery/run-reaction';
import { defineReaction } from '#reacting/reaction';
import { readReactionMarks } from '#reacting/reaction-marks';
import { copyDatabase } from '#testing/older-copy';
import { type NotesWorld, openNotes } from './notes';

jest.setTimeout(600_000);

type Written = { type: 'NoteWritten'; data: { text: string } };

/** Polls until the condition holds. It has no time limit, because the time depends on the machine. */
const until = async (condition: () => Promise<boolean> | boolean): Promise<void> => {
  while (!(await Promise.resolve(condition()).catch(() => false))) await sleep(20);
};

describe('a database that is replaced by an older copy while processes run', () => {
  let world: NotesWorld;
  let log: EventLog;
  const stopping: (() => Promise<unknown>)[] = [];

  beforeEach(async () => {
    world = await openNotes();
    log = createPostgresEventLog({ connectionString: world.database.urls.log, historyMs: 100 });
    stopping.length = 0;
  });
  afterEach(async () => {
    for (const stop of stopping) await stop();
    await log.close();
    await world.close();
  });

  /**
   * Appends an event, and repeats that until it is answered: connections are cut while the database is copied and
   * replaced.
   */
  const write = async (id: string, text: string): Promise<Position> => {
    const commandId = uuidv7();
    for (;;) {
      try {
        const { position } = await log.append({
          stream: { tenantId: id, aggregate: 'note', id },
          expected: 'any',
          events: [{ type: 'NoteWritten', data: { text } }],
          commandId,
          actor: { kind: 'system' },
          correlationId: 'older-copy',
        });
        return position;
      } catch {
        await sleep(20);
      }
    }
  };

  const start = (run: (signal: AbortSignal) => Promise<unknown>): void => {
    const stop = new AbortController();
    const running = run(stop.signal);
    stopping.push(() => {
      stop.abort();
      return running;
    });
  };

  it('lets read models, reactions and waiters continue from the copy, and loses only what the copy lacks', async () => {
    const progress = createProgress();
    const answered: string[] = [];
    const reaction = defineReaction<Written>('listening', {
      NoteWritten: async ({ data }) => void answered.push(data.text),
    });
    const { pool, projection } = world;
    // Lease time advances only while a process counts it. The copy contains an earlier lease, which must end.
    const clock = await startDatabaseClock({ pool, logger: silentLogger, intervalMs: 50 });
    stopping.push(() => clock.stop());
    const checkpoints = createCheckpointWatch({
      ...{ log, progress, intervalMs: 100 },
      projections: () => readCheckpointMarks(pool),
      reactions: () => readReactionMarks(pool),
    });
    start((signal) => runLive(projection, { log, pool, progress, logger: silentLogger, onMoved: () => {}, signal }));
    start((signal) =>
      runReaction(reaction, { log, pool, logger: silentLogger, onAnswered: () => {}, leaseMs: 500, signal }),
    );
    start((signal) => checkpoints.watch(signal));
    const waiter = createPositionWaiter({ projections: ['notes'], progress, pool });
    stopping.push(async () => waiter.close());

    const id = uuidv7();
    await write(id, 'kept');
    await until(async () => (await world.position()) > 0n && answered.length === 1);
    const copy = await copyDatabase(world.database);
    for (const text of ['lost 1', 'lost 2', 'lost 3']) await write(id, text);
    const lost = await write(id, 'lost 4');
    expect(await waiter.waitFor(lost, 60_000)).toBe(true);
    await until(() => answered.includes('lost 4'));

    await copy.takeOver();
    const after = await write(id, 'after');
    expect(await waiter.waitFor(after, 60_000)).toBe(true);
    await until(() => answered.includes('after'));
    await until(async () => (await world.position()) >= after);
    const { events } = await log.readAll({ after: 0n, limit: 100 });
    expect(events.map(({ data }) => data['text'])).toEqual(['kept', 'after']);
    expect(await world.findMismatch(events)).toBeUndefined();
    await until(async () => (await findInvalidMarks(log, await readReactionMarks(pool))).size === 0);
    expect(await findInvalidMarks(log, await readCheckpointMarks(pool))).toEqual(new Map());
    expect(checkpoints.invalidCheckpoints().projections.size).toBe(0);
    await until(async () => (await log.identity()).epoch > 1);
  });

  it('decides no command on a state in memory that the log no longer has', async () => {
    const store = new AggregateStore({ log });
    const other = createPostgresEventLog({ connectionString: world.database.urls.log });
    stopping.push(() => other.close());
    const otherStore = new AggregateStore({ log: other });
    const stream = { tenantId: uuidv7(), aggregate: projectFold.aggregate, id: uuidv7() };
    const renameProject = async (by: AggregateStore, name: string) => {
      const context = { commandId: uuidv7(), actor: { kind: 'system' }, correlationId: 'older-copy' } as const;
      const details = { name, description: '', teamId: null };
      const decide = (project: Project): ProjectEvent[] => {
        if (project.status === 'absent') return [{ type: 'ProjectCreated', data: details }];
        if (project.name === name) return [];
        return [{ type: 'ProjectChanged', data: { ...details, description: project.name } }];
      };
      for (;;) {
        try {
          return await by.execute(projectFold, stream, { ...context, mayRepeat: true }, decide);
        } catch {
          await sleep(20);
        }
      }
    };
    await renameProject(store, 'first');
    const copy = await copyDatabase(world.database);
    await renameProject(store, 'lost');
    await copy.takeOver();
    await renameProject(otherStore, 'found');
    // The state in memory and the log both have version 2, but of two histories.
    expect(await renameProject(store, 'next')).toMatchObject({
      version: 3,
      state: { name: 'next', description: 'found' },
    });
    expect((await store.load(projectFold, stream)).state).toMatchObject({ name: 'next', description: 'found' });
  });
});
