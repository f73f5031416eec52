import type { Pool } from 'pg';
import { Registry } from 'prom-client';
import { type EventLog, LogUnavailable, type RecordedEvent } from '#event-log/port';
import { createPostgresEventLog } from '#event-log/postgres/postgres-event-log';
import { createPool } from '#platform/database/connections/pools';
import { uuidv7 } from '#platform/ids/uuid';
import { type DatabaseClock, startDatabaseClock } from '#platform/lease/database-clock';
import { silentLogger } from '#platform/logging/logger.port';
import { createTestDatabase, type TestDatabase } from '#testing/database';
import { InMemoryEventLog } from '#testing/in-memory-event-log';
import { type ReactionEngineOptions, startReactions } from './engine';
import { createReactionMetrics } from './metrics';
import { forgetParked, retryParked } from './parking';
import { DependencyNotReady, defineReaction, type Reaction } from './reaction';

type NoteEvent = { type: 'NoteWritten'; data: { text: string } } | { type: 'NoteBurnt'; data: Record<string, never> };

const NAME = 'note-readers';

describe.each(['PostgreSQL', 'in-memory'])('reactions over the %s log', (kind) => {
  let database: TestDatabase;
  let pool: Pool;
  let clock: DatabaseClock;
  let log: EventLog;
  let engines: { stop(): Promise<void> }[] = [];
  let registry: Registry;

  const openPool = (): Pool => createPool({ url: database.urls.projector, max: 4, applicationName: 'test' });

  beforeEach(async () => {
    database = await createTestDatabase();
    pool = openPool();
    clock = await startDatabaseClock({ pool, logger: silentLogger, intervalMs: 20 });
    log =
      kind === 'PostgreSQL' ? createPostgresEventLog({ connectionString: database.urls.log }) : new InMemoryEventLog();
  });

  afterEach(async () => {
    await Promise.all(engines.map((engine) => engine.stop()));
    engines = [];
    await clock.stop();
    await log.close();
    await pool.end();
    await database.drop();
  });

  const start = (reaction: Reaction, more: Partial<ReactionEngineOptions> = {}): { stop(): Promise<void> } => {
    registry = new Registry();
    const engine = startReactions({
      reactions: [reaction],
      log,
      pool,
      logger: silentLogger,
      metrics: createReactionMetrics({ registry, log, pool, intervalMs: 20 }),
      leaseMs: 3_000,
      attempts: 3,
      firstRetryMs: 1,
      ...more,
    });
    engines.push(engine);
    return engine;
  };

  /** A reaction that records the texts that it receives, in order and with repeats. */
  const recordingReaction = (react: (text: string) => Promise<void> | void = () => {}) => {
    const received: string[] = [];
    const reaction = defineReaction<NoteEvent>(NAME, {
      NoteWritten: async ({ data: { text } }) => {
        received.push(text);
        await react(text);
      },
    });
    return { received, reaction };
  };

  const write = async (text: string, tenantId = uuidv7()): Promise<bigint> => {
    const { position } = await log.append({
      stream: { tenantId, aggregate: 'note', id: uuidv7() },
      expected: 0,
      events: [{ type: 'NoteWritten', data: { text } }],
      commandId: uuidv7(),
      actor: { kind: 'system' },
      correlationId: 'test',
    });
    return position;
  };
  const burn = (): Promise<unknown> =>
    log.append({
      stream: { tenantId: uuidv7(), aggregate: 'note', id: uuidv7() },
      expected: 0,
      events: [{ type: 'NoteBurnt', data: {} }],
      commandId: uuidv7(),
      actor: { kind: 'system' },
      correlationId: 'test',
    });

  const until = async (condition: () => boolean | Promise<boolean>): Promise<void> => {
    for (const end = Date.now() + 25_000; !(await condition()); ) {
      if (Date.now() > end) throw new Error('the condition did not hold within 25 s');
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  };

  const position = async (): Promise<bigint> => {
    const { rows } = await pool.query('select position from reacting.checkpoints');
    return BigInt(rows[0]?.position ?? 0);
  };
  const parked = async (): Promise<Record<string, unknown>[]> =>
    (await pool.query('select event_id, event_type, partition, error, attempts from reacting.parked')).rows;

  it('answer the events that were appended before they started and those that are appended while they run, in order', async () => {
    const { received, reaction } = recordingReaction();
    await write('one');
    await burn();
    await write('two');
    start(reaction);
    await until(() => received.length === 2);
    const last = await write('three');
    await until(async () => (await position()) >= last);
    expect(received).toEqual(['one', 'two', 'three']);
  });

  it('continue from their checkpoint after a stop', async () => {
    const first = recordingReaction();
    await write('one');
    const engine = start(first.reaction);
    await until(() => first.received.length === 1);
    await engine.stop();
    const second = recordingReaction();
    await write('two');
    start(second.reaction);
    await until(() => second.received.length > 0);
    expect(second.received).toEqual(['two']);
  });

  it('move their checkpoint over events of other types', async () => {
    const { reaction } = recordingReaction();
    start(reaction);
    await burn();
    const head = await log.head();
    await until(async () => (await position()) >= head);
  });

  it('are run by one worker at a time, and each event is answered once while no worker dies', async () => {
    const tenantId = uuidv7();
    let atOnce = 0;
    let highest = 0;
    const { received, reaction } = recordingReaction(async () => {
      highest = Math.max(highest, ++atOnce);
      await new Promise((resolve) => setTimeout(resolve, 1));
      atOnce--;
    });
    for (let i = 0; i < 3; i++) start(reaction);
    const texts = Array.from({ length: 40 }, (_, at) => `${at}`);
    for (const text of texts) await write(text, tenantId);
    await until(() => received.length >= texts.length);
    await engines[0]?.stop();
    await engines[1]?.stop();
    await write('last', tenantId);
    await until(() => received.includes('last'));
    expect(received).toEqual([...texts, 'last']);
    expect(highest).toBe(1);
  });

  it('are taken over by another worker when one stops responding between its answer and its checkpoint', async () => {
    const failingPool = openPool();
    let finish = (): void => {};
    const unresponsive = recordingReaction(async () => {
      await failingPool.end();
      // Its answer does not end before the other worker has taken over.
      await new Promise<void>((resolve) => {
        finish = resolve;
      });
    });
    const tenantId = uuidv7();
    start(unresponsive.reaction, { pool: failingPool, leaseMs: 300 });
    await write('one', tenantId);
    await until(() => unresponsive.received.length === 1);
    const successor = recordingReaction();
    start(successor.reaction);
    await write('two', tenantId);
    await until(() => successor.received.length === 2);
    finish();
    expect(successor.received).toEqual(['one', 'two']);
    expect(unresponsive.received).toEqual(['one']);
  });

  it('try an event again until it is answered, before later events of its tenant', async () => {
    const tenantId = uuidv7();
    let failures = 2;
    const { received, reaction } = recordingReaction(() => {
      if (failures-- > 0) throw new Error('a temporary failure');
    });
    start(reaction);
    await write('one', tenantId);
    await write('two', tenantId);
    await until(() => received.includes('two'));
    expect(received).toEqual(['one', 'one', 'one', 'two']);
    expect(await parked()).toEqual([]);
  });

  it('park an event that fails too often, with its reason, and continue with the others', async () => {
    const tenantId = uuidv7();
    const { received, reaction } = recordingReaction((text) => {
      if (text === 'poison') throw new Error('poison cannot be answered');
    });
    start(reaction);
    await write('poison', tenantId);
    const last = await write('fine', tenantId);
    await until(async () => (await position()) >= last);
    expect(received).toEqual(['poison', 'poison', 'poison', 'fine']);
    expect(await parked()).toEqual([
      {
        event_id: expect.any(String),
        event_type: 'NoteWritten',
        partition: tenantId,
        error: 'poison cannot be answered',
        attempts: 3,
      },
    ]);
    await until(async () => (await registry.metrics()).includes(`parked_events{reaction="${NAME}"} 1`));
  });

  it('park an event whose answer never ends', async () => {
    const { reaction } = recordingReaction((text) => (text === 'endless' ? new Promise<void>(() => {}) : undefined));
    start(reaction, { attemptMs: 10 });
    await write('endless');
    const last = await write('fine');
    await until(async () => (await position()) >= last);
    expect(await parked()).toMatchObject([{ error: 'not done after 0.01 s' }]);
  });

  it.each([
    ['the log', () => new LogUnavailable('unavailable')],
    ['the database', () => Object.assign(new Error('refused'), { code: 'ECONNREFUSED' })],
    ['a read model', () => new DependencyNotReady('behind')],
  ])('wait for %s without a limit, and park nothing', async (_, outage) => {
    let failures = 10;
    const { received, reaction } = recordingReaction(() => {
      if (failures-- > 0) throw outage();
    });
    start(reaction);
    const last = await write('one');
    await until(async () => (await position()) >= last);
    expect(received).toHaveLength(11);
    expect(await parked()).toEqual([]);
  });

  it('try a parked event again when an operator requests it, and delete it once it is answered', async () => {
    let poisonous = true;
    const { received, reaction } = recordingReaction(() => {
      if (poisonous) throw new Error('poison cannot be answered');
    });
    start(reaction);
    await write('poison');
    await until(async () => (await parked()).length === 1);
    const eventId = String((await parked())[0]?.['event_id']);
    expect(await retryParked(pool, NAME, eventId)).toBe(true);
    await until(async () => (await parked())[0]?.['attempts'] === 4);
    poisonous = false;
    await retryParked(pool, NAME, eventId);
    await until(async () => (await parked()).length === 0);
    expect(received).toHaveLength(5);
    expect(await retryParked(pool, NAME, eventId)).toBe(false);
  });

  it('delete a parked event that an operator skips, or whose tenant was deleted', async () => {
    const { reaction } = recordingReaction(() => {
      throw new Error('poison cannot be answered');
    });
    start(reaction);
    const tenantId = uuidv7();
    await write('poison', tenantId);
    await until(async () => (await parked()).length === 1);
    const eventId = String((await parked())[0]?.['event_id']);
    await log.deleteTenant(tenantId);
    await retryParked(pool, NAME, eventId);
    await until(async () => (await parked()).length === 0);
    expect(await forgetParked(pool, NAME, eventId)).toBe(false);
    await write('poison');
    await until(async () => (await parked()).length === 1);
    expect(await forgetParked(pool, NAME, String((await parked())[0]?.['event_id']))).toBe(true);
  });

  it('report their position and lag as metrics', async () => {
    const { reaction } = recordingReaction();
    start(reaction);
    const last = await write('one');
    await until(async () => {
      const metrics = await registry.metrics();
      return (
        metrics.includes(`tenantry_reaction_position{reaction="${NAME}"} ${last}`) &&
        metrics.includes(`tenantry_reaction_lag_positions{reaction="${NAME}"} 0`) &&
        metrics.includes(`tenantry_reaction_events_total{reaction="${NAME}"} 1`)
      );
    });
  });

  it('finish the answer in progress when they are stopped', async () => {
    const { received, reaction } = recordingReaction(() => new Promise((resolve) => setTimeout(resolve, 30)));
    const tenantId = uuidv7();
    const engine = start(reaction);
    const first = await write('one', tenantId);
    await write('two', tenantId);
    await until(() => received.length === 1);
    await engine.stop();
    expect(await position()).toBe(first);
    expect(received).toEqual(['one']);
  });
});

it('a reaction answers the types that it names, and no other', () => {
  const { types } = defineReaction<NoteEvent>(NAME, { NoteBurnt: async () => {} });
  expect(types).toEqual(['NoteBurnt']);
});

it('a reaction leaves an event of another type alone', async () => {
  const reaction = defineReaction<NoteEvent>(NAME, { NoteBurnt: () => Promise.reject(new Error('burnt')) });
  const event = { type: 'NoteWritten' } as RecordedEvent;
  await expect(reaction.react(event, new AbortController().signal)).resolves.toBeUndefined();
});
