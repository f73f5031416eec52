import type { Pool } from 'pg';
import { Registry } from 'prom-client';
import { type EventLog } from '#event-log/port';
import { createPostgresEventLog } from '#event-log/postgres/postgres-event-log';
import { createPool } from '#platform/database/connections/pools';
import { uuidv7 } from '#platform/ids/uuid';
import { type DatabaseClock, startDatabaseClock } from '#platform/lease/database-clock';
import { silentLogger } from '#platform/logging/logger.port';
import { type ReactionEngineOptions, startReactions } from '#reacting/engine';
import { createReactionMetrics } from '#reacting/metrics';
import { defineReaction, type Reaction } from '#reacting/reaction';
import { createTestDatabase, type TestDatabase } from '../database';
import { InMemoryEventLog } from '../in-memory-event-log';

export type NoteEvent =
  | { type: 'NoteWritten'; data: { text: string } }
  | { type: 'NoteBurnt'; data: Record<string, never> };

export const NAME = 'note-readers';

/** Opens a database and a log for specs of the engine of reactions. @param kind of the log */
export const useReactionEngine = (kind: string) => {
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

  return {
    recordingReaction,
    write,
    burn,
    start,
    until,
    position,
    openPool,
    parked,
    get log() {
      return log;
    },
    get engines() {
      return engines;
    },
    get registry() {
      return registry;
    },
    get pool() {
      return pool;
    },
  };
};
