import fc from 'fast-check';
import type { RecordedEvent } from '#event-log/port';
import { withClient } from '#platform/database/connections/pools';
import { uuidv7 } from '#platform/ids/uuid';
import { silentLogger } from '#platform/logging/logger.port';
import { rebuild } from '#projecting/rebuild/rebuild';
import { requestRebuild } from '#projecting/versions/install';
import { InMemoryEventLog, InMemoryStore } from '#testing/in-memory-event-log';
import { type Fault, faultyPool } from './faulty-pool';
import type { NotesWorld } from './notes';

/** Changes the text of statements before they are sent, to put a bug into them. */
export type Rewrite = (sql: string) => string;

export const WORKERS = 3;
const MANY = 10_000;

/** The failure that was found, with its seed and its shortest counterexample; undefined if there was none. */
export const reportOf = async <T>(checked: Promise<fc.RunDetails<T>>): Promise<string | undefined> => {
  const details = await checked;
  return details.failed ? `${fc.defaultReportMessage(details)}\n${details.errorInstance}` : undefined;
};

/** A log for one run, with two notes of each of three tenants. */
export const createNotebook = () => {
  const log = new InMemoryEventLog(new InMemoryStore());
  const tenants = Array.from({ length: 3 }, () => uuidv7());
  const streams = [...tenants, ...tenants].map((tenantId) => ({ tenantId, aggregate: 'note', id: uuidv7() }));
  return {
    log,
    tenants,
    write: async (note: number, text: string): Promise<void> => {
      const stream = streams[note % streams.length];
      if (!stream) return;
      await log.append({
        stream,
        expected: 'any',
        events: [{ type: 'NoteWritten', data: { text } }],
        commandId: uuidv7(),
        actor: { kind: 'system' },
        correlationId: 'race',
      });
    },
    events: async (): Promise<readonly RecordedEvent[]> => (await log.readAll({ after: 0n, limit: MANY })).events,
  };
};

/** @throws Error the read model is not the fold of the events */
export const requireMatch = async (
  world: NotesWorld,
  events: readonly RecordedEvent[],
  after: string,
  skipped?: ReadonlySet<bigint>,
): Promise<void> => {
  const mismatch = await world.findMismatch(events, skipped);
  if (mismatch) throw new Error(`after ${after}, ${mismatch}`);
};

export const aFault = fc.constantFrom<Fault>('none', 'none', 'none', 'request', 'answer');
export const aWorker = fc.nat(WORKERS - 1);
export const aNote = fc.nat(5);
/** A placeholder for a text that is refused. */
export const BAD = 'bad';
export const aText = fc.nat(4).map((it) => (it === 0 ? BAD : `text ${it}`));

/** Rebuilds the read model. With `diesAt`, a first attempt fails at its n-th statement, and a second one succeeds. */
export const rebuildNow = async (world: NotesWorld, log: InMemoryEventLog, diesAt: number | null): Promise<void> => {
  const { projection, pool, roles } = world;
  let statements = 0;
  const failing = faultyPool(pool, () => (diesAt !== null && statements++ === diesAt ? 'answer' : 'none'));
  for (const attemptPool of diesAt === null ? [pool] : [failing, pool]) {
    const id = await withClient(pool, (client) => requestRebuild(client, projection.name));
    const options = { log, pool: attemptPool, roles, logger: silentLogger, signal: new AbortController().signal };
    await rebuild(projection, id, { ...options, chunkRows: 3, pageSize: 4 }).catch((error: unknown) => {
      if (attemptPool === pool) throw error;
    });
  }
};
