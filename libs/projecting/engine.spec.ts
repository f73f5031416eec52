import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Pool } from 'pg';
import { Registry } from 'prom-client';
import type { Append, EventLog } from '#event-log/port';
import { createPostgresEventLog } from '#event-log/postgres/postgres-event-log';
import { withClient } from '#platform/database/connections/pools';
import { roleNames } from '#platform/database/roles/roles';
import { uuidv7 } from '#platform/ids/uuid';
import { silentLogger } from '#platform/logging/logger.port';
import { createTestDatabase, type TestDatabase } from '#testing/database';
import { InMemoryEventLog } from '#testing/in-memory-event-log';
import { startEngine } from './engine';
import { createProjectionMetrics } from './metrics';
import { resumePartition } from './parking/parking';
import { defineProjection, type Projection } from './projection';
import { createProjectorPool } from './projector-pool';
import { createPositionWaiter } from './read-your-writes/position-waiter';
import { createProgress } from './read-your-writes/progress';
import { installProjections, requestRebuild } from './versions/install';

type NoteEvent =
  | { type: 'NoteWritten'; data: { text: string } }
  | { type: 'NoteRewritten'; data: { text: string } }
  | { type: 'NoteBurnt'; data: Record<string, never> };

const SCHEMA = `create table notes (tenant_id uuid not null, note_id uuid not null, text text not null, version integer not null);
-- after load
alter table notes add primary key (tenant_id, note_id);
alter table notes add constraint short check (length(text) < 1000);
-- before reading
alter table notes enable row level security;
alter table notes force row level security;
create policy projector_writes on notes to {{projector}} using (true) with check (true);
create policy tenant_reads on notes for select to {{app}}
  using (tenant_id = (select nullif(current_setting('app.tenant_id', true), '')::uuid));
`;

const tables = {
  notes: {
    key: ['tenant_id', 'note_id'],
    columns: { tenant_id: 'uuid', note_id: 'uuid', text: 'text', version: 'integer' },
  },
} as const;

/**
 * Its handler refuses the text "poison" while `poisonous` returns true. The database refuses texts that are too long.
 */
const notes = (schema: string, poisonous: () => boolean, version = 1): Projection =>
  defineProjection<NoteEvent, typeof tables>({
    name: 'notes',
    version,
    schema,
    tables,
    on: {
      NoteWritten: ({ stream, data, version }, rows) => {
        if (poisonous() && data.text === 'poison') throw new Error('will not fold poison');
        rows.notes.put({ tenant_id: stream.tenantId, note_id: stream.id, text: data.text, version });
      },
      NoteRewritten: ({ stream, data, version }, rows) => {
        rows.notes.patch({ tenant_id: stream.tenantId, note_id: stream.id }, { text: data.text, version });
      },
      NoteBurnt: ({ stream }, rows) => {
        rows.notes.remove({ tenant_id: stream.tenantId, note_id: stream.id });
      },
    },
  });

const note = (tenantId: string, id: string, expected: number, type: NoteEvent['type'], text?: string): Append => ({
  stream: { tenantId, aggregate: 'note', id },
  expected,
  events: [{ type, data: text === undefined ? {} : { text } }],
  commandId: uuidv7(),
  actor: { kind: 'system' },
  correlationId: 'test',
});

describe.each(['PostgreSQL', 'in-memory'])('the projection engine over the %s log', (kind) => {
  const folder = mkdtempSync(join(tmpdir(), 'projection-'));
  const schema = join(folder, 'schema.sql');
  writeFileSync(schema, SCHEMA);
  afterAll(() => rmSync(folder, { recursive: true }));

  let database: TestDatabase;
  let pool: Pool;
  let log: EventLog;
  let poisonous = true;
  let engines: { stop(): Promise<void> }[] = [];
  let waiter: ReturnType<typeof createPositionWaiter>;
  const progress = createProgress();
  const roles = roleNames('tenantry_test');

  const start = (projection: Projection): { stop(): Promise<void> } => {
    const registry = new Registry();
    const metrics = createProjectionMetrics({ registry, log, pool, intervalMs: 50 });
    const engine = startEngine({
      projections: [projection],
      log,
      pool,
      roles,
      progress,
      logger: silentLogger,
      metrics,
    });
    engines.push(engine);
    return engine;
  };

  beforeEach(async () => {
    database = await createTestDatabase();
    pool = createProjectorPool({ url: database.urls.projector, max: 8 });
    log =
      kind === 'PostgreSQL' ? createPostgresEventLog({ connectionString: database.urls.log }) : new InMemoryEventLog();
    poisonous = true;
    progress.forget('notes');
    await installProjections(pool, [notes(schema, () => poisonous)], roles);
    waiter = createPositionWaiter({ projections: ['notes'], progress, pool });
  });

  afterEach(async () => {
    await Promise.all(engines.map((engine) => engine.stop()));
    engines = [];
    waiter.close();
    await log.close();
    await pool.end();
    await database.drop();
  });

  const rows = (tenantId?: string): Promise<{ note_id: string; text: string; version: number }[]> =>
    withClient(pool, async (client) => {
      const { rows } = await client.query(
        `select note_id, text, version from read_model.notes where $1::uuid is null or tenant_id = $1 order by note_id`,
        [tenantId ?? null],
      );
      return rows;
    });

  const write = async (...appends: Append[]): Promise<bigint> => {
    let position = 0n;
    for (const append of appends) position = (await log.append(append)).position;
    return position;
  };

  const caughtUp = async (position: bigint): Promise<void> => {
    expect(await waiter.waitFor(position, 10_000)).toBe(true);
  };

  const rebuilt = async (id: string): Promise<string> => {
    for (;;) {
      const { rows } = await pool.query('select state, error from projecting.rebuilds where id = $1', [id]);
      const { state, error } = rows[0];
      if (state === 'done' || state === 'failed') return error ?? state;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };

  const lastRebuild = async (): Promise<string> => {
    for (;;) {
      const { rows } = await pool.query('select id from projecting.rebuilds order by requested_at desc limit 1');
      if (rows[0]) return rows[0].id;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };

  it('folds the events that were appended before it started and those that are appended while it runs', async () => {
    const [tenant, one, two] = [uuidv7(), uuidv7(), uuidv7()];
    await write(note(tenant, one, 0, 'NoteWritten', 'first'), note(tenant, two, 0, 'NoteWritten', 'second'));
    start(notes(schema, () => poisonous));
    await caughtUp(await write(note(tenant, one, 1, 'NoteRewritten', 'better'), note(tenant, two, 1, 'NoteBurnt')));
    expect(await rows()).toEqual([{ note_id: one, text: 'better', version: 2 }]);
  });

  it('continues from its checkpoint after a stop', async () => {
    const tenant = uuidv7();
    await start(notes(schema, () => poisonous)).stop();
    const position = await write(note(tenant, uuidv7(), 0, 'NoteWritten', 'late'));
    start(notes(schema, () => poisonous));
    await caughtUp(position);
    expect(await rows()).toHaveLength(1);
  });

  it('runs in several workers without losing an event or folding one twice', async () => {
    for (let i = 0; i < 3; i++) start(notes(schema, () => poisonous));
    const tenant = uuidv7();
    const ids = Array.from({ length: 60 }, () => uuidv7());
    await Promise.all(ids.map((id) => log.append(note(tenant, id, 0, 'NoteWritten', 'a'))));
    const results = await Promise.all(ids.map((id) => log.append(note(tenant, id, 1, 'NoteRewritten', 'b'))));
    for (const { position } of results) await caughtUp(position);
    expect(await rows()).toEqual(ids.sort().map((note_id) => ({ note_id, text: 'b', version: 2 })));
  });

  it('parks the tenant whose event a handler refuses, and no other', async () => {
    const [bad, good, id] = [uuidv7(), uuidv7(), uuidv7()];
    start(notes(schema, () => poisonous));
    await caughtUp(
      await write(
        note(bad, uuidv7(), 0, 'NoteWritten', 'before'),
        note(bad, id, 0, 'NoteWritten', 'poison'),
        note(bad, id, 1, 'NoteRewritten', 'after'),
        note(good, uuidv7(), 0, 'NoteWritten', 'fine'),
      ),
    );
    expect((await rows(bad)).map(({ text }) => text)).toEqual(['before']);
    expect((await rows(good)).map(({ text }) => text)).toEqual(['fine']);
    const projection = notes(schema, () => poisonous);
    expect(await resumePartition(pool, log, projection, bad)).toBe('refused');
    poisonous = false;
    expect(await resumePartition(pool, log, projection, bad)).toBe('resumed');
    await caughtUp(await write(note(bad, id, 2, 'NoteRewritten', 'resumed')));
    expect((await rows(bad)).map(({ text }) => text).sort()).toEqual(['before', 'resumed']);
    expect(await resumePartition(pool, log, projection, bad)).toBe('unknown');
  });

  it('parks the tenant whose rows the database refuses, and writes all rows of the events before', async () => {
    const [bad, good, id] = [uuidv7(), uuidv7(), uuidv7()];
    const position = await write(
      note(bad, id, 0, 'NoteWritten', 'before'),
      note(good, uuidv7(), 0, 'NoteWritten', 'fine'),
      note(bad, id, 1, 'NoteRewritten', 'x'.repeat(2_000)),
      note(bad, id, 2, 'NoteRewritten', 'after'),
      note(bad, uuidv7(), 0, 'NoteWritten', 'y'.repeat(2_000)),
    );
    start(notes(schema, () => poisonous));
    await caughtUp(position);
    expect((await rows(good)).map(({ text }) => text)).toEqual(['fine']);
    const { rows: parked } = await pool.query('select partition, event_type, error from projecting.parked');
    expect(parked).toEqual([{ partition: bad, event_type: 'NoteRewritten', error: expect.stringContaining('short') }]);
    expect((await rows(bad)).map(({ text }) => text)).toEqual(['before']);
    const projection = notes(schema, () => poisonous);
    expect(await resumePartition(pool, log, projection, bad, { skippedBy: 'an operator' })).toBe('refused');
    expect((await rows(bad)).map(({ text }) => text)).toEqual(['after']);
    expect(await resumePartition(pool, log, projection, bad, { skippedBy: 'an operator' })).toBe('resumed');
    expect((await rows(bad)).map(({ text }) => text)).toEqual(['after']);
  });

  it('is rebuilt while it is written, and the result is the same', async () => {
    const tenants = Array.from({ length: 5 }, () => uuidv7());
    start(notes(schema, () => poisonous));
    const ids: [string, string][] = [];
    for (let i = 0; i < 300; i++) {
      const pair: [string, string] = [tenants[i % 5] as string, uuidv7()];
      ids.push(pair);
      await log.append(note(...pair, 0, 'NoteWritten', `${i}\t\\N\n"quoted"`));
    }
    const writing = (async () => {
      let position = 0n;
      for (const [at, pair] of ids.entries()) {
        position = await write(
          note(...pair, 1, at % 3 === 0 ? 'NoteBurnt' : 'NoteRewritten', at % 3 === 0 ? undefined : `again ${at}`),
        );
      }
      return position;
    })();
    const id = await requestRebuild(pool as never, 'notes');
    expect(await rebuilt(id)).toBe('done');
    await caughtUp(await writing);
    const expected = ids.flatMap(([, note_id], at) =>
      at % 3 === 0 ? [] : [{ note_id, text: `again ${at}`, version: 2 }],
    );
    expect(await rows()).toEqual(expected.sort((a, b) => (a.note_id < b.note_id ? -1 : 1)));
    const { rows: policies } = await pool.query(
      `select relrowsecurity and relforcerowsecurity as forced from pg_class where oid = 'read_model.notes'::regclass`,
    );
    expect(policies).toEqual([{ forced: true }]);
  });

  it('also parks, in a rebuild, the tenant whose rows the database refuses, and no other', async () => {
    const [bad, good, id] = [uuidv7(), uuidv7(), uuidv7()];
    start(notes(schema, () => poisonous));
    await caughtUp(
      await write(
        note(bad, id, 0, 'NoteWritten', 'before'),
        note(good, uuidv7(), 0, 'NoteWritten', 'fine'),
        note(bad, id, 1, 'NoteRewritten', 'x'.repeat(2_000)),
        note(bad, uuidv7(), 0, 'NoteWritten', 'after'),
        note(good, uuidv7(), 0, 'NoteWritten', 'fine, too'),
      ),
    );
    const before = [await rows(bad), await rows(good)];
    expect(await rebuilt(await requestRebuild(pool as never, 'notes'))).toBe('done');
    expect([await rows(bad), await rows(good)]).toEqual(before);
    const { rows: parked } = await pool.query('select partition, event_type, error from projecting.parked');
    expect(parked).toEqual([{ partition: bad, event_type: 'NoteRewritten', error: expect.stringContaining('short') }]);
    const projection = notes(schema, () => poisonous);
    expect(await resumePartition(pool, log, projection, bad, { skippedBy: 'an operator' })).toBe('resumed');
    expect((await rows(bad)).map(({ text }) => text)).toEqual(['before', 'after']);
  });

  it('is rebuilt without a request when the code has another version than the one installed', async () => {
    const tenant = uuidv7();
    const first = start(notes(schema, () => poisonous));
    await caughtUp(await write(note(tenant, uuidv7(), 0, 'NoteWritten', 'old')));
    await first.stop();
    const next = notes(schema, () => poisonous, 2);
    await installProjections(pool, [next], roles);
    start(next);
    const position = await write(note(tenant, uuidv7(), 0, 'NoteWritten', 'new'));
    expect(await rebuilt(await lastRebuild())).toBe('done');
    await caughtUp(position);
    const { rows: checkpoints } = await pool.query('select version from projecting.checkpoints');
    expect(checkpoints).toEqual([{ version: 2 }]);
    expect((await rows()).map(({ text }) => text)).toEqual(['old', 'new']);
  });
});
