import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Pool } from 'pg';
import type { RecordedEvent } from '#event-log/port';
import { createPool } from '#platform/database/connections/pools';
import { roleNames } from '#platform/database/roles/roles';
import { defineProjection, type Projection, partitionOf } from '#projecting/projection';
import { installProjections } from '#projecting/versions/install';
import { createTestDatabase, TEST_ROLE_PREFIX, type TestDatabase } from '#testing/database';

/**
 * `seen` has one row for each event, so that a second write is detected (a table with one row for each note would hide
 * it, because a batch writes only the last row). It refuses texts that are too long. `notes` has the last text of each
 * note.
 */
const SCHEMA = `create table seen (position bigint not null, text text not null);
create table notes (tenant_id uuid not null, note_id uuid not null, text text not null, version integer not null);
-- after load
alter table seen add primary key (position);
alter table notes add primary key (tenant_id, note_id);
alter table seen add constraint short check (length(text) < 100);
-- before reading
create trigger once after update on seen for each row execute function checks.note_twice();
`;

/** SQL for a superuser: a trigger function that records the positions of events that are applied twice. */
const RECORD_REPEATS = `create schema checks;
create table checks.twice (position bigint);
create function checks.note_twice() returns trigger language plpgsql security definer set search_path = checks as
  $$ begin insert into twice values (new.position); return null; end $$;
grant usage on schema checks to public;
grant execute on function checks.note_twice to public`;

type NoteEvent = { type: 'NoteWritten'; data: { text: string } };

const tables = {
  seen: { key: ['position'], columns: { position: 'bigint', text: 'text' } },
  notes: {
    key: ['tenant_id', 'note_id'],
    columns: { tenant_id: 'uuid', note_id: 'uuid', text: 'text', version: 'integer' },
  },
} as const;

/** A text that the handler refuses. */
export const POISON = 'poison';
/** A text that the database refuses. */
export const TOO_LONG = 'x'.repeat(100);

export interface NotesWorld {
  readonly projection: Projection;
  readonly database: TestDatabase;
  readonly roles: Readonly<Record<string, string>>;
  /** Connects as the projector. */
  readonly pool: Pool;
  /** Deletes all rows and resets the checkpoint, for the next run. */
  reset(): Promise<void>;
  /** The position at which a partition is parked; undefined if it is not. */
  parkedAt(partition: string): Promise<bigint | undefined>;
  /**
   * Compares the read model with the fold of the events up to its checkpoint.
   * @returns the difference; undefined if there is none
   */
  findMismatch(events: readonly RecordedEvent[], skipped?: ReadonlySet<bigint>): Promise<string | undefined>;
  /** The position of the checkpoint. */
  position(): Promise<bigint>;
  close(): Promise<void>;
}

export const openNotes = async (): Promise<NotesWorld> => {
  const folder = mkdtempSync(join(tmpdir(), 'notes-'));
  const schema = join(folder, 'schema.sql');
  writeFileSync(schema, SCHEMA);
  const projection = defineProjection<NoteEvent, typeof tables>({
    name: 'notes',
    version: 1,
    schema,
    tables,
    on: {
      NoteWritten: ({ stream, data, version, position }, rows) => {
        if (data.text === POISON) throw new Error('will not fold poison');
        rows.seen.put({ position, text: data.text });
        rows.notes.put({ tenant_id: stream.tenantId, note_id: stream.id, text: data.text, version });
      },
    },
  });
  const database = await createTestDatabase();
  const roles = roleNames(TEST_ROLE_PREFIX);
  const owner = createPool({ url: database.urls.owner, max: 1, applicationName: 'test' });
  const pool = createPool({ url: database.urls.projector, max: 12, applicationName: 'projector' });
  await owner.query(RECORD_REPEATS);
  await installProjections(pool, [projection], roles);

  const position = async (): Promise<bigint> => {
    const { rows } = await owner.query(`select position from projecting.checkpoints where projection = 'notes'`);
    return BigInt(rows[0].position);
  };

  return {
    projection,
    database,
    roles,
    pool,
    position,
    parkedAt: async (partition) => {
      const { rows } = await owner.query('select position from projecting.parked where partition = $1', [partition]);
      return rows[0] && BigInt(rows[0].position);
    },
    reset: async () => {
      await owner.query(`truncate read_model.seen, read_model.notes, checks.twice, projecting.parked, projecting.rebuilds;
        update projecting.checkpoints set position = 0, mark = null, epoch = 0, state = 'running' where projection = 'notes'`);
    },
    findMismatch: async (events, skipped = new Set()) => {
      // One statement, so that it reads one state of the read model, which workers may be writing.
      const { rows } = await owner.query<{ position: string; seen: string[]; notes: string[]; twice: string[] }>(
        `select c.position,
           array(select s.position::text from read_model.seen s order by s.position) as seen,
           array(select note_id || ' ' || version from read_model.notes order by note_id) as notes,
           array(select position::text from checks.twice) as twice
         from projecting.checkpoints c where projection = 'notes'`,
      );
      const [actual] = rows;
      if (!actual) return 'there is no checkpoint';
      const expected = foldModel(
        events.filter(({ position }) => position <= BigInt(actual.position) && !skipped.has(position)),
      );
      const { position: at, ...found } = actual;
      const differs = JSON.stringify(found) !== JSON.stringify({ ...expected, twice: [] });
      return differs ? `at ${at}: found ${JSON.stringify(found)}, expected ${JSON.stringify(expected)}` : undefined;
    },
    close: async () => {
      await Promise.all([owner.end(), pool.end()]);
      await database.drop();
      rmSync(folder, { recursive: true });
    },
  };
};

/** The expected content of the read model, computed in the simplest possible way. */
const foldModel = (events: readonly RecordedEvent[]): { seen: string[]; notes: string[] } => {
  const seen: string[] = [];
  const notes = new Map<string, number>();
  const parked = new Set<string>();
  for (const event of events) {
    const partition = partitionOf(event);
    const { text } = event.data as NoteEvent['data'];
    if (text === POISON || text === TOO_LONG) parked.add(partition);
    if (parked.has(partition)) continue;
    seen.push(String(event.position));
    notes.set(event.stream.id, event.version);
  }
  return { seen, notes: [...notes].map(([id, version]) => `${id} ${version}`).sort() };
};
