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
import { startEngine } from '#projecting/engine';
import { createProjectionMetrics } from '#projecting/metrics';
import { defineProjection } from '#projecting/projection';
import { createProjectorPool } from '#projecting/projector-pool';
import { createProgress } from '#projecting/read-your-writes/progress';
import { installProjections, requestRebuild } from '#projecting/versions/install';
import { createTestDatabase, TEST_ROLE_PREFIX, type TestDatabase } from '../database';
import { InMemoryEventLog, InMemoryStore } from '../in-memory-event-log';

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
export const newer: Upcasters = { NoteWritten: [({ text = '', ...rest }) => ({ ...rest, text })] };

/** Opens a database and a log for specs of parked partitions of the read model `notes`. */
export const useParkedNotes = () => {
  const folder = mkdtempSync(join(tmpdir(), 'parked-'));
  const schema = join(folder, 'schema.sql');
  writeFileSync(schema, SCHEMA);
  afterAll(() => rmSync(folder, { recursive: true }));
  const roles = roleNames(TEST_ROLE_PREFIX);
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

  return {
    start,
    write,
    folded,
    textsOf,
    parked,
    until,
    rebuilt,
    notes,
    get store() {
      return store;
    },
    get pool() {
      return pool;
    },
  };
};
