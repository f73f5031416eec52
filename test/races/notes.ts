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
 * One row an event in `seen`, which tells if it is written twice and refuses what is too long (of one row a note a batch
 * would write only the last); and the last text of each note.
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

/** What a superuser adds to the database: where events that were applied twice are noted. */
const NOTE_TWICE = `create schema checks;
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

/** A handler refuses it. */
export const POISON = 'poison';
/** The database refuses it. */
export const TOO_LONG = 'x'.repeat(100);

export interface NotesWorld {
  readonly projection: Projection;
  readonly database: TestDatabase;
  readonly roles: Readonly<Record<string, string>>;
  /** Connects as the projector. */
  readonly pool: Pool;
  /** Empties everything, for the next run. */
  reset(): Promise<void>;
  /** Where the partition has stopped; undefined where it does not. */
  parkedAt(partition: string): Promise<bigint | undefined>;
  /** What is wrong with the read model; undefined where it is what the events up to its checkpoint come to, each once. */
  wrong(events: readonly RecordedEvent[], skipped?: ReadonlySet<bigint>): Promise<string | undefined>;
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
  await owner.query(NOTE_TWICE);
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
    wrong: async (events, skipped = new Set()) => {
      // One statement, so that it is one state of a read model that others may be writing.
      const { rows } = await owner.query<{ position: string; seen: string[]; notes: string[]; twice: string[] }>(
        `select c.position,
           array(select s.position::text from read_model.seen s order by s.position) as seen,
           array(select note_id || ' ' || version from read_model.notes order by note_id) as notes,
           array(select position::text from checks.twice) as twice
         from projecting.checkpoints c where projection = 'notes'`,
      );
      const [is] = rows;
      if (!is) return 'there is no checkpoint';
      const should = foldModel(
        events.filter(({ position }) => position <= BigInt(is.position) && !skipped.has(position)),
      );
      const { position: at, ...found } = is;
      const differs = JSON.stringify(found) !== JSON.stringify({ ...should, twice: [] });
      return differs ? `at ${at}: ${JSON.stringify(found)}, not ${JSON.stringify(should)}` : undefined;
    },
    close: async () => {
      await Promise.all([owner.end(), pool.end()]);
      await database.drop();
      rmSync(folder, { recursive: true });
    },
  };
};

/** What the events come to, said as simply as can be. */
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
