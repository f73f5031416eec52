import type { Pool } from 'pg';
import type { EventLog, Position } from '#event-log/port';
import { withClient } from '#platform/database/connections/pools';
import { NotReady, type ReadinessCheck } from '#platform/readiness/check';
import type { Projection } from './projection';
import { OPEN } from './rebuild/rebuild-attempt';
import type { Processes } from './versions/processes';

export interface ProjectionsCheckOptions {
  /** Connects as the projector. */
  readonly pool: Pool;
  readonly projections: readonly Projection[];
  readonly processes: Pick<Processes, 'isNewer'>;
  readonly log: Pick<EventLog, 'head'>;
  /** ms that a request may wait for a worker, and a projection with a lag may make no progress; 60,000 by default. */
  readonly patienceMs?: number;
}

interface Row {
  readonly projection: string;
  readonly present: number | null;
  readonly position: string | null;
  readonly paused: boolean | null;
  readonly state: string | null;
  readonly failures: number | null;
  readonly next: string | null;
}

const READ = `
  select n.projection, c.version as present, c.position, c.state = 'paused' as paused, r.state, r.failures, to_char(r.next_attempt_at at time zone 'UTC', 'HH24:MI:SS') as next
  from unnest($1::text[], $2::integer[]) as n (projection, version)
  left join projecting.checkpoints c on c.projection = n.projection
  left join projecting.rebuilds r on r.projection = n.projection and r.version = n.version and r.state in ${OPEN}`;

/**
 * Whether each projection of this release is folded or being rebuilt. A projection that an operator has paused passes: its
 * process does what it is asked to do. A worker of an older release passes while a newer one runs: it stands by.
 */
export const projectionsCheck = (options: ProjectionsCheckOptions): ReadinessCheck => {
  const { pool, projections, processes, log, patienceMs = 60_000 } = options;
  /** `performance.now()` since when the installed version is another one and nothing rebuilds it. */
  const waiting = new Map<string, number>();

  const waitsTooLong = (projection: string): boolean => {
    const since = waiting.get(projection) ?? performance.now();
    waiting.set(projection, since);
    return performance.now() - since > patienceMs;
  };

  /** Where a projection was last seen to move, and `performance.now()` then. */
  const moved = new Map<string, { readonly position: string; readonly at: number }>();

  /** Judged by what this process sees: by no clock of the database. */
  const standsStill = ({ projection, position, paused }: Row, head: Position): boolean => {
    const before = moved.get(projection);
    const at = String(position);
    if (before?.position !== at || paused || BigInt(at) >= head) {
      moved.set(projection, { position: at, at: performance.now() });
      return false;
    }
    return performance.now() - before.at > patienceMs;
  };

  const wrongOf = (row: Row, version: number, head: Position): string | undefined => {
    const { projection, present, state, failures, next } = row;
    const isWell = present === version || state === 'loading' || state === 'catching-up';
    if (isWell) waiting.delete(projection);
    if (present === null) return `${projection} is not installed. Restart this process.`;
    if (isWell)
      return present === version && standsStill(row, head)
        ? `${projection} has stopped at position ${row.position}, though the log continues. The log of its worker has the reason.`
        : undefined;
    if (state === 'failed')
      return `The rebuild of ${projection} to version ${version} has failed ${failures} times. The next attempt begins at ${next} UTC; \`tenantry projections\` shows the reason.`;
    if (present > version && processes.isNewer(projection)) return undefined;
    if (!waitsTooLong(projection)) return undefined;
    return state === null
      ? `${projection} is at version ${present}, this process folds version ${version}, and no rebuild is requested.`
      : `The rebuild of ${projection} to version ${version} waits for a worker that has this version.`;
  };

  return {
    name: 'projections',
    message: 'The state of the projections could not be read.',
    runbook: 'docs/runbooks/readiness.md#projections',
    run: async () => {
      const head = await log.head();
      const { rows } = await withClient(pool, (client) =>
        client.query<Row>(READ, [projections.map(({ name }) => name), projections.map(({ version }) => version)]),
      );
      const wrong = projections.flatMap(({ name, version }) => {
        const row = rows.find(({ projection }) => projection === name);
        const sentence = row && wrongOf(row, version, head);
        return sentence === undefined ? [] : [sentence];
      });
      if (wrong.length > 0) throw new NotReady(wrong.join(' '));
    },
  };
};
