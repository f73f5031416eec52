import type { Pool } from 'pg';
import { withClient } from '#platform/database/connections/pools';
import { uuidv7 } from '#platform/ids/uuid';
import type { Logger } from '#platform/logging/logger.port';
import { sleep } from '#platform/loops/backoff';
import type { Projection } from '../projection';

export interface ProcessesOptions {
  /** Connects as the projector. */
  readonly pool: Pool;
  readonly projections: readonly Projection[];
  /** The role of the process, which is shown to operators. */
  readonly role: string;
  readonly logger: Logger;
  /** ms between two heartbeats; 2,000 by default. */
  readonly beatMs?: number;
  /** ms without a heartbeat after which a process counts as dead; 30,000 by default. */
  readonly deadAfterMs?: number;
}

/** The last known state of another process. */
interface OtherProcess {
  /** The number of its heartbeats, as text: it is a bigint. */
  readonly beats: string;
  /** `performance.now()` when this process last saw that number change. */
  readonly at: number;
  readonly versions: Readonly<Record<string, number>>;
}

interface Row {
  readonly id: string;
  readonly beats: string;
  readonly versions: Record<string, number>;
}

/**
 * The list of the processes of the product, with the projection versions that each one knows. An older release uses it
 * to detect whether a newer one runs. A process counts as alive while its number of heartbeats grows, measured with the
 * monotonic clock of this process, so that a jump of a wall clock makes no process seem dead or alive.
 */
export const createProcesses = (options: ProcessesOptions) => {
  const { pool, projections, role, logger, beatMs = 2_000, deadAfterMs = 30_000 } = options;
  const self = uuidv7();
  const versions = JSON.stringify(Object.fromEntries(projections.map(({ name, version }) => [name, version])));
  const others = new Map<string, OtherProcess>();
  const startedAt = performance.now();

  const beat = (): Promise<Row[]> =>
    withClient(pool, async (client) => {
      const { rows } = await client.query<Row>(
        `with mine as (
           insert into projecting.processes as p (process_id, role, versions) values ($1, $2, $3)
           on conflict (process_id) do update set beats = p.beats + 1, seen_at = now()
         ) select process_id as id, beats::text, versions from projecting.processes where process_id <> $1`,
        [self, role, versions],
      );
      return rows;
    });

  const remove = (id: string, beats: string): Promise<unknown> =>
    withClient(pool, (client) =>
      client.query('delete from projecting.processes where process_id = $1 and beats = $2', [id, beats]),
    );

  const updateOthers = async (): Promise<void> => {
    const rows = await beat();
    const now = performance.now();
    const present = new Set(rows.map(({ id }) => id));
    for (const id of others.keys()) if (!present.has(id)) others.delete(id);
    for (const { id, beats, versions: theirs } of rows) {
      const before = others.get(id);
      if (before?.beats !== beats) others.set(id, { beats, at: now, versions: theirs });
      else if (now - before.at > deadAfterMs) await remove(id, beats);
    }
  };

  /** By projection: `performance.now()` when a process with a higher version was last seen to be alive. */
  let newerAt = new Map<string, number>();

  return {
    /** Records one heartbeat and reads those of the other processes. @throws Error the database is not available */
    refresh: async (): Promise<void> => {
      await updateOthers();
      const now = performance.now();
      const newer = new Map(newerAt);
      for (const { name, version } of projections)
        for (const other of others.values())
          if ((other.versions[name] ?? 0) > version) newer.set(name, Math.max(newer.get(name) ?? 0, other.at));
      for (const [name, at] of newer) if (now - at > deadAfterMs) newer.delete(name);
      newerAt = newer;
    },
    /** Calls `refresh` every `beatMs` until the signal aborts, and then removes this process from the list. */
    run: async function (signal: AbortSignal): Promise<void> {
      let isReported = false;
      while (!signal.aborted) {
        try {
          await this.refresh();
          isReported = false;
        } catch (error) {
          if (!isReported && !signal.aborted)
            logger.warn({ err: error }, 'this process cannot renew its entry in the list of processes');
          isReported = true;
        }
        await sleep(beatMs, signal);
      }
      await withClient(pool, (client) =>
        client.query('delete from projecting.processes where process_id = $1', [self]),
      ).catch((error: unknown) => logger.debug({ err: error }, 'this process stays on the list of processes'));
    },
    /**
     * True if a process that knows a higher version of the projection than this one may have run within the last
     * `deadAfterMs`. It is always true until this process has watched the list for that time.
     */
    mayBeNewer: (projection: string): boolean =>
      newerAt.has(projection) || performance.now() - startedAt <= deadAfterMs,
    /** True if such a process was seen within the last `deadAfterMs`. */
    isNewer: (projection: string): boolean => newerAt.has(projection),
  };
};

export type Processes = ReturnType<typeof createProcesses>;
