import type { Pool } from 'pg';
import { Registry } from 'prom-client';
import { createPool } from '#platform/database/connections/pools';
import { uuidv7 } from '#platform/ids/uuid';
import { type DatabaseClock, startDatabaseClock } from '#platform/lease/database-clock';
import { silentLogger } from '#platform/logging/logger.port';
import { createTestDatabase, type TestDatabase } from '#testing/database';
import { InMemoryEventLog } from '#testing/in-memory-event-log';
import { claim, deleteParked, move, park, ReactionLeaseLost, release, setAside } from '../checkpoint';
import { type ReactionEngineOptions, startReactions } from '../engine';
import { createReactionMetrics } from '../metrics';
import { defineReaction } from '../reaction';

type NoteEvent = { type: 'NoteWritten'; data: { text: string } };
type Engine = ReturnType<typeof startReactions>;

const NAME = 'note-readers';

/** A promise and the function that resolves it. */
const gate = () => {
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { open, opened };
};

describe('events of different tenants', () => {
  let database: TestDatabase;
  let pool: Pool;
  let clock: DatabaseClock;
  let log: InMemoryEventLog;
  const engines: Engine[] = [];
  const [slow, other, third] = [uuidv7(), uuidv7(), uuidv7()];

  beforeEach(async () => {
    database = await createTestDatabase();
    pool = createPool({ url: database.urls.projector, max: 4, applicationName: 'test' });
    clock = await startDatabaseClock({ pool, logger: silentLogger, intervalMs: 20 });
    log = new InMemoryEventLog();
  });
  afterEach(async () => {
    await Promise.all(engines.splice(0).map((engine) => engine.stop()));
    await clock.stop();
    await log.close();
    await pool.end();
    await database.drop();
  });

  const start = (
    react: (text: string, signal: AbortSignal) => Promise<void>,
    more: Partial<ReactionEngineOptions> = {},
  ): Engine => {
    const registry = new Registry();
    const reaction = defineReaction<NoteEvent>(NAME, {
      NoteWritten: ({ data: { text } }, signal) => react(text, signal),
    });
    const engine = startReactions({
      ...{ reactions: [reaction], log, pool, logger: silentLogger, leaseMs: 3_000, slowMs: 40 },
      metrics: createReactionMetrics({ registry, log, pool, intervalMs: 20 }),
      ...more,
    });
    engines.push(engine);
    return engine;
  };
  const write = async (text: string, tenantId: string): Promise<bigint> => {
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
  const until = async (condition: () => boolean | Promise<boolean>): Promise<void> => {
    for (const end = performance.now() + 25_000; !(await condition()); ) {
      if (performance.now() > end) throw new Error('the condition did not hold within 25 s');
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  };
  const position = async (): Promise<bigint> => {
    const { rows } = await pool.query('select position from reacting.checkpoints');
    return BigInt(rows[0]?.position ?? 0);
  };
  const stored = async (): Promise<Record<string, unknown>[]> =>
    (await pool.query('select partition, waiting, error from reacting.parked order by position')).rows;

  it('are answered while an answer for another tenant takes long; only the later events of that tenant wait', async () => {
    const { open, opened } = gate();
    const received: string[] = [];
    start(async (text) => {
      received.push(text);
      if (text === 'long') await opened;
    });
    await write('long', slow);
    await write('after it', slow);
    const last = await write('other', other);
    await until(() => received.includes('other'));
    await until(async () => (await position()) >= last);
    expect(received).toEqual(['long', 'other']);
    open();
    await until(() => received.includes('after it'));
    await until(async () => (await stored()).length === 0);
    expect(received).toEqual(['long', 'other', 'after it']);
  });

  it('are answered while events of another tenant fail, and the checkpoint moves past those', async () => {
    const received: string[] = [];
    const failing = new Set(['one', 'two', 'three']);
    start(
      async (text) => {
        if (failing.has(text)) throw new Error(`${text} cannot be answered`);
        received.push(text);
      },
      { firstRetryMs: 3_600_000 },
    );
    for (const text of failing) await write(text, slow);
    const last = await write('other', other);
    await until(() => received.includes('other'));
    await until(async () => (await position()) >= last);
    expect(await stored()).toEqual([1, 2, 3].map(() => ({ partition: slow, waiting: true, error: '' })));
  });

  it('are answered while another tenant has more events than are read ahead', async () => {
    const { open, opened } = gate();
    const received: string[] = [];
    start(
      async (text) => {
        if (text === '0') await opened;
        received.push(text);
      },
      { windowEvents: 10 },
    );
    const many = Array.from({ length: 250 }, (_, at) => `${at}`);
    for (const text of many) await write(text, slow);
    const last = await write('other', other);
    await until(() => received.includes('other'));
    await until(async () => (await position()) >= last);
    expect(received).toEqual(['other']);
    open();
    await until(() => received.length === many.length + 1);
    expect(received).toEqual(['other', ...many]);
    await until(async () => (await stored()).length === 0);
  });

  it('are answered while the answers for `atOnce` other tenants take long', async () => {
    const { open, opened } = gate();
    const received: string[] = [];
    start(
      async (text) => {
        if (text === 'long') await opened;
        else received.push(text);
      },
      { atOnce: 2 },
    );
    await write('long', slow);
    await write('long', other);
    await write('short', third);
    await until(() => received.includes('short'));
    open();
  });

  it('that were set aside are answered by the next worker, in the order of their tenant', async () => {
    const first = start(async (text, signal) => {
      if (text === '0')
        await new Promise<void>((_, reject) => signal.addEventListener('abort', () => reject(new Error('stopped'))));
    });
    const many = Array.from({ length: 60 }, (_, at) => `${at}`);
    let last = 0n;
    for (const text of many) last = await write(text, slow);
    await until(async () => (await position()) >= last);
    await first.stop();
    expect(await stored()).toHaveLength(many.length);
    const received: string[] = [];
    start(async (text) => void received.push(text));
    await write('new', slow);
    await until(() => received.length > many.length);
    expect(received).toEqual([...many, 'new']);
    await until(async () => (await stored()).length === 0);
  });

  it('that were set aside are parked if they fail too often, and the later ones are answered', async () => {
    const received: string[] = [];
    start(
      async (text) => {
        received.push(text);
        if (text === 'poison') throw new Error('it is poison');
      },
      { attempts: 3, firstRetryMs: 200, slowMs: 20 },
    );
    await write('poison', slow);
    await write('after it', slow);
    await until(() => received.includes('after it'));
    await until(async () => (await stored()).length === 1);
    expect(await stored()).toEqual([{ partition: slow, waiting: false, error: 'it is poison' }]);
    expect(received).toEqual(['poison', 'poison', 'poison', 'after it']);
  });

  describe('under a lease that another worker has taken over', () => {
    const lease = { reaction: NAME, token: uuidv7(), leaseMs: 1 };

    it('can be neither parked, set aside nor forgotten, and the checkpoint does not move', async () => {
      const at = await write('one', slow);
      const [event] = (await log.readAll({ after: 0n, limit: 1 })).events;
      if (!event) throw new Error('nothing was written');
      expect((await claim(pool, lease, undefined))?.position).toBe(0n);
      await setAside(pool, lease, { position: 0n }, [event]);
      const successor = { ...lease, token: uuidv7(), leaseMs: 60_000 };
      await until(async () => (await claim(pool, successor, undefined)) !== undefined);
      await expect(move(pool, lease, { position: at })).rejects.toThrow(ReactionLeaseLost);
      await expect(park(pool, lease, { position: at }, event, { error: 'late', attempts: 1 })).rejects.toThrow(
        ReactionLeaseLost,
      );
      await expect(setAside(pool, lease, { position: at }, [event])).rejects.toThrow(ReactionLeaseLost);
      await expect(deleteParked(pool, lease, { position: at }, event.id)).rejects.toThrow(ReactionLeaseLost);
      await release(pool, lease);
      expect(await claim(pool, { ...lease, token: uuidv7() }, lease.token)).toBeUndefined();
      expect(await position()).toBe(0n);
      expect(await stored()).toEqual([{ partition: slow, waiting: true, error: '' }]);
    });
  });
});
