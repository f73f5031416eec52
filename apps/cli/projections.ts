import { userInfo } from 'node:os';
import type { Pool } from 'pg';
import type { EventLog } from '../../libs/event-log/port';
import { withClient } from '../../libs/platform/database/pools';
import { resumeLane } from '../../libs/projecting/parking';
import type { Projection } from '../../libs/projecting/projection';
import { projections } from '../../projections';
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
  const { rows } = await withClient(pool, (client) =>
    client.query<{ projection: string; version: number; position: string; state: string; parked: string; moved: Date }>(
      `select c.projection, c.version, c.position, c.state, c.moved_at as moved,
         (select count(*) from projecting.parked p where p.projection = c.projection) as parked
       from projecting.checkpoints c order by c.projection`,
    ),
  );
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
  await withClient(pool, (client) =>
    client.query('update projecting.checkpoints set state = $2, epoch = epoch + 1 where projection = $1', [
      projection.name,
      state,
    ]),
  );
  return `${projection.name} is ${state}`;
};

/** What has stopped because an event was refused. */
export const listParked = async (pool: Pool): Promise<string> => {
  const { rows } = await withClient(pool, (client) =>
    client.query<{
      projection: string;
      lane: string;
      position: string;
      event_type: string;
      kind: string;
      attempts: number;
      error: string;
    }>(
      'select projection, lane, position, event_type, kind, attempts, error from projecting.parked order by parked_at',
    ),
  );
  if (rows.length === 0) return 'nothing is parked';
  return table(
    ['projection', 'lane', 'position', 'event', 'kind', 'attempts', 'reason'],
    rows.map((it) => [it.projection, it.lane, it.position, it.event_type, it.kind, it.attempts, it.error]),
  );
};

/** Events that operators have skipped: every fold leaves them out, a rebuild's too. */
export const listSkipped = async (pool: Pool): Promise<string> => {
  const { rows } = await withClient(pool, (client) =>
    client.query<{ cells: string[] }>(
      `select array[projection, lane::text, position::text, event_type, skipped_by, skipped_at::text, error] as cells
       from projecting.skipped order by skipped_at`,
    ),
  );
  if (rows.length === 0) return 'no event was skipped';
  return table(
    ['projection', 'lane', 'position', 'event', 'by', 'at', 'reason'],
    rows.map(({ cells }) => cells),
  );
};

/** Lets a parked lane continue, with or without the event that was refused. */
export const resumeParked = async (
  pool: Pool,
  log: EventLog,
  [name, lane]: readonly (string | undefined)[],
  skip: boolean,
): Promise<string> => {
  const projection = projectionNamed(name);
  if (!lane) throw new UsageError('name the lane; `tenantry parked` lists them');
  const options = skip ? { skippedBy: userInfo().username } : {};
  switch (await resumeLane(pool, log, projection, lane, options)) {
    case 'resumed':
      return `${lane} continues in ${projection.name}`;
    case 'refused':
      throw new Error(`an event was refused again; see \`tenantry parked\``);
    case 'unknown':
      throw new UsageError(`${lane} is not parked in ${projection.name}`);
    case 'other-version':
      throw new UsageError(
        `${projection.name} is not at version ${projection.version}, the version of this release; use the command line of the release that is running`,
      );
  }
};
