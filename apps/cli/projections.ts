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
import type { RecordAction } from './operator-session';
import { tenantOfPartition } from './partition-tenant';
import { table } from './table';
import { UsageError } from './usage';

/** @throws UsageError that lists the names, if there is no projection with this name */
export const projectionNamed = (name: string | undefined): Projection => {
  const projection = projections.find((it) => it.name === name);
  if (projection) return projection;
  throw new UsageError(`name one of the projections: ${projections.map((it) => it.name).join(', ')}`);
};

/** Lists the position, lag and state of each projection. */
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

/** Pauses or resumes a projection, in every worker. */
export const setProjectionState = async (
  pool: Pool,
  name: string | undefined,
  state: 'paused' | 'running',
  record: RecordAction,
): Promise<string> => {
  const projection = projectionNamed(name);
  await record(state === 'paused' ? 'projections.pause' : 'projections.resume', projection.name);
  await setCheckpointState(pool, projection.name, state);
  return `${projection.name} is ${state}`;
};

/** Lists the partitions that are parked because an event could not be processed. */
export const listParked = async (pool: Pool): Promise<string> => {
  const rows = await readParkedPartitions(pool);
  if (rows.length === 0) return 'nothing is parked';
  return table(
    ['projection', 'partition', 'position', 'event', 'kind', 'attempts', 'reason'],
    rows.map((it) => [it.projection, it.partition, it.position, it.event_type, it.kind, it.attempts, it.error]),
  );
};

/** Lists the events that operators have skipped. Projections never process them, not even in a rebuild. */
export const listSkipped = async (pool: Pool): Promise<string> => {
  const rows = await readSkippedEvents(pool);
  if (rows.length === 0) return 'no event was skipped';
  return table(
    ['projection', 'partition', 'position', 'event', 'by', 'at', 'reason'],
    rows.map(({ cells }) => cells),
  );
};

/**
 * Continues a parked partition: processes the event at which it stopped again, or skips it.
 * @throws Error an event failed again
 * @throws UsageError the partition is not parked, or the projection has another version than this release
 */
export const resumeParked = async (
  pool: Pool,
  log: EventLog,
  [name, partition]: readonly (string | undefined)[],
  skip: boolean,
  record: RecordAction,
): Promise<string> => {
  const projection = projectionNamed(name);
  if (!partition) throw new UsageError('name the partition; `tenantry parked` lists them');
  const target = `${projection.name} ${partition}`;
  const tenantId = await tenantOfPartition(log, partition);
  const { operator } = await record(skip ? 'parked.skip' : 'parked.retry', target, tenantId);
  const options = skip ? { skippedBy: operator.name } : {};
  switch (await resumePartition(pool, log, projection, partition, options)) {
    case 'resumed':
      return `${partition} continues in ${projection.name}`;
    case 'refused':
      throw new Error(`an event failed again, so ${partition} stays parked; \`tenantry parked\` shows the reason`);
    case 'unknown':
      throw new UsageError(`${partition} is not parked in ${projection.name}`);
    case 'other-version':
      throw new UsageError(
        `${projection.name} does not have version ${projection.version}, which this release needs; use the command line of the release that is running`,
      );
  }
};
