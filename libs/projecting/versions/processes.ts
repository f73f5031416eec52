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
  /** What the process does: shown to operators. */
  readonly role: string;
  readonly logger: Logger;
  /** ms between two beats; 2,000 by default. */
  readonly beatMs?: number;
  /** ms without a beat, after which a process is taken for dead; 30,000 by default. */
  readonly silenceMs?: number;
}

interface Seen {
  readonly beats: string;
  /** `performance.now()` when the count of its beats was last seen to change. */
  readonly at: number;
  readonly versions: Readonly<Record<string, number>>;
}

interface Row {
  readonly id: string;
  readonly beats: string;
  readonly versions: Record<string, number>;
}

/**
 * The processes of the product and the versions of the projections that each one knows, so that an older release notices
 * whether a newer one runs. Whether a process lives is judged by its count of beats and this process's own monotonic clock:
 * no jump of a clock makes a process seem dead or alive.
 */
export const createProcesses = (options: ProcessesOptions) => {
  const { pool, projections, role, logger, beatMs = 2_000, silenceMs = 30_000 } = options;
  const self = uuidv7();
  const versions = JSON.stringify(Object.fromEntries(projections.map(({ name, version }) => [name, version])));
  const seen = new Map<string, Seen>();
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

  const forget = (id: string, beats: string): Promise<unknown> =>
    withClient(pool, (client) =>
      client.query('delete from projecting.processes where process_id = $1 and beats = $2', [id, beats]),
    );

  const look = async (): Promise<void> => {
    const rows = await beat();
    const now = performance.now();
    const present = new Set(rows.map(({ id }) => id));
    for (const id of seen.keys()) if (!present.has(id)) seen.delete(id);
    for (const { id, beats, versions: theirs } of rows) {
      const before = seen.get(id);
      if (before?.beats !== beats) seen.set(id, { beats, at: now, versions: theirs });
      else if (now - before.at > silenceMs) await forget(id, beats);
    }
  };

  let newerAt = new Map<string, number>();

  return {
    /** Beats once, and learns of the others. */
    look: async (): Promise<void> => {
      await look();
      const now = performance.now();
      const newer = new Map(newerAt);
      for (const { name, version } of projections)
        for (const other of seen.values())
          if ((other.versions[name] ?? 0) > version) newer.set(name, Math.max(newer.get(name) ?? 0, other.at));
      for (const [name, at] of newer) if (now - at > silenceMs) newer.delete(name);
      newerAt = newer;
    },
    /** Beats until the signal aborts, and then takes this process off the list. */
    run: async function (signal: AbortSignal): Promise<void> {
      let isAway = false;
      while (!signal.aborted) {
        try {
          await this.look();
          isAway = false;
        } catch (error) {
          if (!isAway && !signal.aborted)
            logger.warn({ err: error }, 'this process cannot renew its entry in the list of processes');
          isAway = true;
        }
        await sleep(beatMs, signal);
      }
      await withClient(pool, (client) =>
        client.query('delete from projecting.processes where process_id = $1', [self]),
      ).catch((error: unknown) => logger.debug({ err: error }, 'this process stays on the list of processes'));
    },
    /**
     * Whether a process ran within the last `silenceMs` that knows a higher version of the projection than this one does.
     * True as long as this process has not watched for that time.
     */
    mayBeNewer: (projection: string): boolean => newerAt.has(projection) || performance.now() - startedAt <= silenceMs,
    /** Whether one was seen. */
    isNewer: (projection: string): boolean => newerAt.has(projection),
  };
};

export type Processes = ReturnType<typeof createProcesses>;
