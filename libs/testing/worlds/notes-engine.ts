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
import { startEngine } from '#projecting/engine';
import { createProjectionMetrics } from '#projecting/metrics';
import { defineProjection, type Projection } from '#projecting/projection';
import { createProjectorPool } from '#projecting/projector-pool';
import { createPositionWaiter } from '#projecting/read-your-writes/position-waiter';
import { createProgress } from '#projecting/read-your-writes/progress';
import { installProjections } from '#projecting/versions/install';
import { createTestDatabase, TEST_ROLE_PREFIX, type TestDatabase } from '../database';
import { InMemoryEventLog } from '../in-memory-event-log';

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
export const notes = (schema: string, poisonous: () => boolean, version = 1): Projection =>
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

export const note = (
  tenantId: string,
  id: string,
  expected: number,
  type: NoteEvent['type'],
  text?: string,
): Append => ({
  stream: { tenantId, aggregate: 'note', id },
  expected,
  events: [{ type, data: text === undefined ? {} : { text } }],
  commandId: uuidv7(),
  actor: { kind: 'system' },
  correlationId: 'test',
});

/** Opens a database and a log for specs of the engine with the read model `notes`. @param kind of the log */
export const useNotesEngine = (kind: string) => {
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
  const roles = roleNames(TEST_ROLE_PREFIX);

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

  return {
    write,
    start,
    schema,
    caughtUp,
    rows,
    rebuilt,
    roles,
    lastRebuild,
    get poisonous() {
      return poisonous;
    },
    set poisonous(value) {
      poisonous = value;
    },
    get log() {
      return log;
    },
    get pool() {
      return pool;
    },
  };
};
