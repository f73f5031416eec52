import { userInfo } from 'node:os';
import type { Pool } from 'pg';
import type { EventLog } from '#event-log/port';
import {
  readCheckpoints,
  readParkedPartitions,
  readSkippedEvents,
  setCheckpointState,
} from '#projecting/operator-queries';
import { resumePartition } from '#projecting/parking/parking';
import type { Projection } from '#projecting/projection';
import { projections } from '#projections/index';
import { table } from './table';
import { UsageError } from './usage';

export const projectionNamed = (name: string | undefined): Projection => {
  const projection = projections.find((it) => it.name === name);
  if (projection) return projection;
  throw new UsageError(`name one of the projections: ${projections.map((it) => it.name).join(', ')}`);
};

/** Position, lag and state of each projection. */
export const listProjections = async (pool: Pool, log: EventLog): Promise<string> => {
  const head = await log.head();
  const rows = await readCheckpoints(pool);
  return table(
    ['projection', 'version', 'position', 'behind', 'parked', 'state', 'moved'],
    rows.map(({ projection, version, position, state, parked, moved }) => {
      const behind = head - BigInt(position);
      return [
        projection,
        version,
        position,
        behind >= 0n ? behind : `${-behind} ahead of the log`,
        parked,
        state,
        moved.toISOString(),
      ];
    }),
  );
};

/** Stops or continues with a projection, in every worker. */
export const setProjectionState = async (
  pool: Pool,
  name: string | undefined,
  state: 'paused' | 'running',
): Promise<string> => {
  const projection = projectionNamed(name);
  await setCheckpointState(pool, projection.name, state);
  return `${projection.name} is ${state}`;
};

/** What has stopped because an event was refused. */
export const listParked = async (pool: Pool): Promise<string> => {
  const rows = await readParkedPartitions(pool);
  if (rows.length === 0) return 'nothing is parked';
  return table(
    ['projection', 'partition', 'position', 'event', 'kind', 'attempts', 'reason'],
    rows.map((it) => [it.projection, it.partition, it.position, it.event_type, it.kind, it.attempts, it.error]),
  );
};

/** Events that operators have skipped: every fold leaves them out, a rebuild's too. */
export const listSkipped = async (pool: Pool): Promise<string> => {
  const rows = await readSkippedEvents(pool);
  if (rows.length === 0) return 'no event was skipped';
  return table(
    ['projection', 'partition', 'position', 'event', 'by', 'at', 'reason'],
    rows.map(({ cells }) => cells),
  );
};

/** Lets a parked partition continue, with or without the event that was refused. */
export const resumeParked = async (
  pool: Pool,
  log: EventLog,
  [name, partition]: readonly (string | undefined)[],
  skip: boolean,
): Promise<string> => {
  const projection = projectionNamed(name);
  if (!partition) throw new UsageError('name the partition; `tenantry parked` lists them');
  const options = skip ? { skippedBy: userInfo().username } : {};
  switch (await resumePartition(pool, log, projection, partition, options)) {
    case 'resumed':
      return `${partition} continues in ${projection.name}`;
    case 'refused':
      throw new Error(`an event was refused again; see \`tenantry parked\``);
    case 'unknown':
      throw new UsageError(`${partition} is not parked in ${projection.name}`);
    case 'other-version':
      throw new UsageError(
        `${projection.name} is not at version ${projection.version}, the version of this release; use the command line of the release that is running`,
      );
  }
};
