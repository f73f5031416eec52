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
  /**
   * ms for which a requested rebuild may wait for a worker, and a projection with a lag may not move; 60,000 by
   * default.
   */
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
 * Checks that each projection of this release runs or is being rebuilt. A projection that an operator has paused
 * passes, because its worker does what the operator wants. A worker of an older release passes while a newer release
 * runs, because it has no work.
 */
export const projectionsCheck = (options: ProjectionsCheckOptions): ReadinessCheck => {
  const { pool, projections, processes, log, patienceMs = 60_000 } = options;
  /**
   * By projection: `performance.now()` when it was first found with another version and without a rebuild in progress.
   */
  const waitingSince = new Map<string, number>();

  const waitsTooLong = (projection: string): boolean => {
    const since = waitingSince.get(projection) ?? performance.now();
    waitingSince.set(projection, since);
    return performance.now() - since > patienceMs;
  };

  /** By projection: the position that it was last seen to reach, and `performance.now()` at that moment. */
  const lastMoves = new Map<string, { readonly position: string; readonly at: number }>();

  /** Measured with the monotonic clock of this process, so that a wrong clock of the database does not matter. */
  const hasStopped = ({ projection, position, paused }: Row, head: Position): boolean => {
    const last = lastMoves.get(projection);
    const reached = String(position);
    if (last?.position !== reached || paused || BigInt(reached) >= head) {
      lastMoves.set(projection, { position: reached, at: performance.now() });
      return false;
    }
    return performance.now() - last.at > patienceMs;
  };

  const problemOf = (row: Row, version: number, head: Position): string | undefined => {
    const { projection, present, state, failures, next } = row;
    const isRunning = present === version || state === 'loading' || state === 'catching-up';
    if (isRunning) waitingSince.delete(projection);
    if (present === null) return `${projection} is not installed. Restart this process.`;
    if (isRunning)
      return present === version && hasStopped(row, head)
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
      const problems = projections.flatMap(({ name, version }) => {
        const row = rows.find(({ projection }) => projection === name);
        const problem = row && problemOf(row, version, head);
        return problem === undefined ? [] : [problem];
      });
      if (problems.length > 0) throw new NotReady(problems.join(' '));
    },
  };
};
