import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Pool } from 'pg';
import type { EventLog, Subscribe } from '#event-log/port';
import { createPool } from '#platform/database/connections/pools';
import { REBUILD_LOCKS } from '#platform/database/locks/advisory-locks';
import { roleNames } from '#platform/database/roles/roles';
import { uuidv7 } from '#platform/ids/uuid';
import { silentLogger } from '#platform/logging/logger.port';
import { defineProjection, type Projection } from '#projecting/projection';
import { createTestDatabase, TEST_ROLE_PREFIX } from '../database';
import { InMemoryEventLog } from '../in-memory-event-log';

const SCHEMA = `create table notes (tenant_id uuid not null, note_id uuid not null, text text not null);
-- after load
alter table notes add primary key (tenant_id, note_id);
create index notes_text_idx on notes (text);
-- before reading
alter table notes enable row level security;
alter table notes force row level security;
create policy projector_writes on notes to {{projector}} using (true) with check (true);
create policy operator_reads on notes for select to {{operator}} using (true);
create policy tenant_reads on notes for select to {{app}}
  using (tenant_id = (select nullif(current_setting('app.tenant_id', true), '')::uuid));
`;

type NoteEvent = { type: 'NoteWritten'; data: { text: string } };

const tables = {
  notes: { key: ['tenant_id', 'note_id'], columns: { tenant_id: 'uuid', note_id: 'uuid', text: 'text' } },
} as const;

/** Waits until `condition` holds, for 60 s at most: machines that run tests are busy. */
export const eventually = async (condition: () => boolean | Promise<boolean>): Promise<void> => {
  for (const end = Date.now() + 60_000; !(await condition()); await sleep(20))
    if (Date.now() > end) throw new Error(`this condition did not become true within 60 s: ${condition}`);
};

/** A log whose subscriptions stop after some pages, until `open` is called. */
export interface GatedLog {
  readonly log: EventLog;
  /** True while a subscription waits for `open`. */
  readonly waiting: () => boolean;
  readonly open: () => void;
}

/** @param pages the number of pages that each subscription yields before it waits for `open` */
export const gateLog = (log: EventLog, pages: number): GatedLog => {
  let waiting = false;
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  async function* subscribe(options: Subscribe) {
    let passed = 0;
    for await (const page of log.subscribe(options)) {
      if (passed++ >= pages) {
        waiting = true;
        await opened;
        waiting = false;
      }
      yield page;
    }
  }
  const through = new Proxy(log, {
    get: (target, name) => {
      if (name === 'subscribe') return subscribe;
      const value: unknown = Reflect.get(target, name);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
  return { log: through, waiting: () => waiting, open };
};

/** A small read model in a separate database, for tests of rebuilds by several workers. */
export const openRebuildWorld = async () => {
  const folder = mkdtempSync(join(tmpdir(), 'rebuild-'));
  const schema = join(folder, 'schema.sql');
  writeFileSync(schema, SCHEMA);
  const database = await createTestDatabase();
  const owner = createPool({ url: database.urls.owner, max: 3, applicationName: 'test' });
  const pools: Pool[] = [];
  const log = new InMemoryEventLog();
  const query = async <R = Record<string, unknown>>(sql: string, ...values: unknown[]): Promise<R[]> =>
    (await owner.query(sql, values)).rows as R[];

  return {
    database,
    owner,
    log,
    query,
    roles: roleNames(TEST_ROLE_PREFIX),
    logger: silentLogger,
    /** The read model as a release has it. Its version is part of the text of each row. */
    projection: (version = 1, refuses: () => boolean = () => false): Projection =>
      defineProjection<NoteEvent, typeof tables>({
        name: 'notes',
        version,
        schema,
        tables,
        on: {
          NoteWritten: ({ stream, data }, rows) => {
            if (refuses()) throw new Error('refused');
            rows.notes.put({ tenant_id: stream.tenantId, note_id: stream.id, text: `v${version} ${data.text}` });
          },
        },
      }),
    /** Opens the connections of one worker. */
    worker: (): Pool => {
      const pool = createPool({ url: database.urls.projector, max: 8, applicationName: 'projector' });
      pools.push(pool);
      return pool;
    },
    write: async (notes: number): Promise<void> => {
      for (let at = 0; at < notes; at++)
        await log.append({
          stream: { tenantId: uuidv7(), aggregate: 'note', id: uuidv7() },
          ...{ expected: 'any', events: [{ type: 'NoteWritten', data: { text: `${at}` } }], commandId: uuidv7() },
          ...{ actor: { kind: 'system' }, correlationId: 'test' },
        });
    },
    rows: async (): Promise<number> =>
      (await query<{ n: number }>('select count(*)::integer as n from read_model.notes'))[0]?.n ?? -1,
    checkpoint: async () =>
      (
        await query<{ version: number; epoch: number; position: string }>(
          `select version, epoch, position from projecting.checkpoints where projection = 'notes'`,
        )
      )[0],
    rebuilds: () =>
      query<{ id: string; state: string; error: string | null }>(
        'select id, state, error from projecting.rebuilds order by requested_at, id',
      ),
    /** Ends the sessions that hold an advisory lock of a rebuild. @returns the number of ended sessions */
    terminateLockSessions: async (): Promise<number> =>
      (
        await query(
          `select pg_terminate_backend(pid) from pg_locks
           where locktype = 'advisory' and classid = ${REBUILD_LOCKS} and objsubid = 2 and granted
             and database = (select oid from pg_database where datname = current_database())`,
        )
      ).length,
    close: async (): Promise<void> => {
      await Promise.all([owner.end(), ...pools.map((pool) => pool.end())]);
      await database.drop();
      rmSync(folder, { recursive: true });
    },
  };
};

export type RebuildWorld = Awaited<ReturnType<typeof openRebuildWorld>>;
