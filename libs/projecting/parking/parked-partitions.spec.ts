import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Pool } from 'pg';
import { Registry } from 'prom-client';
import type { JsonValue } from '#event-log/port';
import type { Upcasters } from '#event-log/upcasting';
import { roleNames } from '#platform/database/roles/roles';
import { uuidv7 } from '#platform/ids/uuid';
import { silentLogger } from '#platform/logging/logger.port';
import { createTestDatabase, type TestDatabase } from '#testing/database';
import { InMemoryEventLog, InMemoryStore } from '#testing/in-memory-event-log';
import { startEngine } from '../engine';
import { createProjectionMetrics } from '../metrics';
import { defineProjection } from '../projection';
import { createProjectorPool } from '../projector-pool';
import { createProgress } from '../read-your-writes/progress';
import { installProjections, requestRebuild } from '../versions/install';
import { resumePartition } from './parking';

type NoteEvent = { type: 'NoteWritten'; data: { [field: string]: JsonValue } };

const SCHEMA = `create table notes (tenant_id uuid not null, position bigint not null, reader uuid, text text not null);
-- after load
alter table notes add primary key (tenant_id, position);
alter table notes add constraint short check (length(text) < 100);
-- before reading
alter table notes enable row level security;
alter table notes force row level security;
create policy projector_writes on notes to {{projector}} using (true) with check (true);
`;
const tables = {
  notes: {
    key: ['tenant_id', 'position'],
    columns: { tenant_id: 'uuid', position: 'bigint', reader: 'uuid', text: 'text' },
  },
} as const;

/** The upcasters of a newer release, which writes notes in schema version 2. */
const newer: Upcasters = { NoteWritten: [({ text = '', ...rest }) => ({ ...rest, text })] };

describe('a parked partition', () => {
  const folder = mkdtempSync(join(tmpdir(), 'parked-'));
  const schema = join(folder, 'schema.sql');
  writeFileSync(schema, SCHEMA);
  afterAll(() => rmSync(folder, { recursive: true }));
  const roles = roleNames('tenantry_test');
  const notes = (version = 1) =>
    defineProjection<NoteEvent, typeof tables>({
      ...{ name: 'notes', version, schema, tables },
      on: {
        NoteWritten: ({ stream, position, data: { text, reader = null } }, rows) => {
          if (text === 'poison') throw new Error('will not fold poison');
          rows.notes.put({
            tenant_id: stream.tenantId,
            position,
            text: text as string,
            reader: reader as string | null,
          });
        },
      },
    });

  let database: TestDatabase;
  let pool: Pool;
  let store: InMemoryStore;
  let engines: { stop(): Promise<void> }[] = [];

  beforeEach(async () => {
    database = await createTestDatabase();
    pool = createProjectorPool({ url: database.urls.projector, max: 8 });
    store = new InMemoryStore();
    await installProjections(pool, [notes()], roles);
  });
  afterEach(async () => {
    await Promise.all(engines.map((engine) => engine.stop()));
    engines = [];
    await pool.end();
    await database.drop();
  });

  const start = (upcasters: Upcasters = {}): { stop(): Promise<void> } => {
    const log = new InMemoryEventLog(store, upcasters);
    const metrics = createProjectionMetrics({ registry: new Registry(), log, pool });
    const engine = startEngine({
      ...{ projections: [notes()], log, pool, roles, metrics },
      ...{ progress: createProgress(), logger: silentLogger },
    });
    engines.push(engine);
    return engine;
  };
  const write = async (tenantId: string, data: { [field: string]: JsonValue }, upcasters: Upcasters = {}) => {
    const { position } = await new InMemoryEventLog(store, upcasters).append({
      stream: { tenantId, aggregate: 'note', id: uuidv7() },
      expected: 0,
      events: [{ type: 'NoteWritten', data }],
      commandId: uuidv7(),
      actor: { kind: 'system' },
      correlationId: 'test',
    });
    return position;
  };
  /** Polls `read` until it returns a value, for 25 s at most. */
  const until = async <T>(read: () => Promise<T | undefined>): Promise<T> => {
    for (const end = Date.now() + 25_000; ; ) {
      const value = await read();
      if (value !== undefined) return value;
      if (Date.now() > end) throw new Error('the expected state was not reached within 25 s');
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };
  const textsOf = async (tenantId: string): Promise<string[]> => {
    const { rows } = await pool.query('select text from read_model.notes where tenant_id = $1 order by position', [
      tenantId,
    ]);
    return rows.map(({ text }) => text);
  };
  const parked = async () =>
    (
      await pool.query(
        'select partition, kind, event_type, schema_version, error from projecting.parked order by partition',
      )
    ).rows;
  const folded = (position: bigint) =>
    until(async () => {
      const { rows } = await pool.query('select position from projecting.checkpoints');
      return BigInt(rows[0].position) >= position ? true : undefined;
    });
  const rebuilt = async (): Promise<void> => {
    const id = await requestRebuild(pool, 'notes');
    const state = await until(async () => {
      const { rows } = await pool.query('select state, error from projecting.rebuilds where id = $1', [id]);
      return ['done', 'failed'].includes(rows[0].state) ? (rows[0].error ?? rows[0].state) : undefined;
    });
    expect(state).toBe('done');
  };

  it('waits at an event of a newer release, and continues by itself when a worker of that release runs', async () => {
    const [one, other] = [uuidv7(), uuidv7()];
    const old = start();
    await write(one, { text: 'before' });
    await write(one, { text: 'of a newer release' }, newer);
    await write(one, { text: 'after' });
    await folded(await write(other, { text: 'fine' }));
    expect(await textsOf(other)).toEqual(['fine']);
    expect(await textsOf(one)).toEqual(['before']);
    expect(await parked()).toEqual([
      {
        ...{ partition: one, kind: 'newer-release', event_type: 'NoteWritten', schema_version: 2 },
        error: 'event NoteWritten is stored in schema version 2, this release knows 1 at most',
      },
    ]);
    await old.stop();
    start(newer);
    await until(async () => ((await parked()).length === 0 ? true : undefined));
    expect(await textsOf(one)).toEqual(['before', 'of a newer release', 'after']);
  });

  it('also waits at an event of a newer release in a rebuild, which continues with all other partitions', async () => {
    const [one, other] = [uuidv7(), uuidv7()];
    await write(one, { text: 'of a newer release' }, newer);
    const position = await write(other, { text: 'fine' });
    start();
    await folded(position);
    await rebuilt();
    expect(await textsOf(other)).toEqual(['fine']);
    expect(await parked()).toMatchObject([{ partition: one, kind: 'newer-release' }]);
  });

  it.each<[string, string]>([
    ['that cannot be converted to text', '{"toString":0}'],
    ['that is nested 5,000 levels deep', `${'['.repeat(5_000)}${']'.repeat(5_000)}`],
    ['that would be two values in an array literal', '"X,Y"'],
    ['that would be two rows for COPY', JSON.stringify('a\n01900000-0000-7000-8000-000000000001\t1\t\\N\tinjected')],
  ])('has a value %s, and no other partition is affected, neither live nor in a rebuild', async (_, reader) => {
    const [one, other] = [uuidv7(), uuidv7()];
    // Bypasses the checks of the log: another program or an older release may have written such an event.
    const position = await write(one, { text: 'bad', reader: 'to be replaced' });
    const stored = store.events[0] as { json: string };
    const copy = { ...stored, json: `{"text":"bad","reader":${reader}}` };
    store.events[0] = copy as (typeof store.events)[number];
    const last = await write(other, { text: 'fine', reader: other });
    start();
    await folded(last);
    for (const again of [async () => {}, rebuilt]) {
      await again();
      const { rows } = await pool.query('select tenant_id, reader, text from read_model.notes');
      expect(rows).toEqual([{ tenant_id: other, reader: other, text: 'fine' }]);
      expect(await parked()).toMatchObject([{ partition: one, kind: 'refused' }]);
    }
    expect(position).toBeLessThan(last);
  });

  it('is parked at the earlier event if the database and the handler each refuse an event of one batch', async () => {
    const [one, other] = [uuidv7(), uuidv7()];
    await write(one, { text: 'before' });
    await write(one, { text: 'x'.repeat(200) });
    await write(one, { text: 'poison' });
    const last = await write(other, { text: 'fine' });
    start();
    await folded(last);
    expect(await textsOf(other)).toEqual(['fine']);
    expect(await textsOf(one)).toEqual(['before']);
    expect(await parked()).toMatchObject([{ partition: one, error: expect.stringContaining('short') }]);
  });

  it('leaves an event that an operator has skipped out of every rebuild, but not the later events', async () => {
    const tenant = uuidv7();
    for (const text of ['before', 'poison', 'after']) await write(tenant, { text });
    start();
    await folded(await write(uuidv7(), { text: 'fine' }));
    const log = new InMemoryEventLog(store);
    expect(await resumePartition(pool, log, notes(), tenant, { skippedBy: 'olga' })).toBe('resumed');
    expect(await textsOf(tenant)).toEqual(['before', 'after']);
    await rebuilt();
    expect(await textsOf(tenant)).toEqual(['before', 'after']);
    expect(await parked()).toEqual([]);
    const { rows } = await pool.query('select partition, event_type, skipped_by, error from projecting.skipped');
    const error = 'will not fold poison';
    expect(rows).toEqual([{ partition: tenant, event_type: 'NoteWritten', skipped_by: 'olga', error }]);
  });

  it('is resumed in parts, with each event once, while all other partitions continue', async () => {
    const tenant = uuidv7();
    await write(tenant, { text: 'poison' });
    for (let at = 0; at < 2_300; at++) await write(tenant, { text: `${at}` });
    start();
    await folded(await write(uuidv7(), { text: 'fine' }));
    const log = new InMemoryEventLog(store);
    expect(await resumePartition(pool, log, notes(), tenant)).toBe('refused');
    expect(await resumePartition(pool, log, notes(), tenant, { skippedBy: 'olga' })).toBe('resumed');
    expect(await textsOf(tenant)).toEqual(Array.from({ length: 2_300 }, (_, at) => `${at}`));
    await folded(await write(tenant, { text: 'last' }));
    expect((await textsOf(tenant)).at(-1)).toBe('last');
  });

  it('is not changed by a release whose read model has another version', async () => {
    const tenant = uuidv7();
    await write(tenant, { text: 'poison' });
    start();
    await folded(await write(uuidv7(), { text: 'fine' }));
    const log = new InMemoryEventLog(store);
    expect(await resumePartition(pool, log, notes(2), tenant, { skippedBy: 'olga' })).toBe('other-version');
    expect(await parked()).toHaveLength(1);
    expect((await pool.query('select from projecting.skipped')).rowCount).toBe(0);
  });
});
