import type { Pool } from 'pg';
import type { EventLog } from '../libs/event-log/port';
import { withClient } from '../libs/platform/database/pools';
import { requireDatabase } from '../libs/platform/database/require-database';
import { type FailingCheck, NotReady, type ReadinessCheck } from '../libs/platform/readiness/check';
import type { Projection } from '../libs/projecting/projection';

export interface Dependencies {
  readonly log: Pick<EventLog, 'ping'>;
  /** Connects as the role that the process works as. */
  readonly pool: Pool;
  /** The read models that the process needs, each at this version or a later one. */
  readonly projections: readonly Pick<Projection, 'name' | 'version'>[];
}

/** What every process of the product needs. */
export const dependencyChecks = ({ log, pool, projections }: Dependencies): ReadinessCheck[] => [
  {
    name: 'event log',
    message: 'The event log does not answer. Commands are answered with 503 until it does.',
    runbook: 'docs/runbooks/readiness.md#event-log',
    run: () => log.ping(),
  },
  {
    name: 'database',
    message: 'PostgreSQL does not answer, or refuses the connection.',
    runbook: 'docs/runbooks/readiness.md#database',
    run: () => requireDatabase(pool),
  },
  {
    name: 'read models',
    message: 'The versions of the read models could not be read.',
    runbook: 'docs/runbooks/readiness.md#read-models',
    run: () => requireReadModels(pool, projections),
  },
];

const requireReadModels = async (pool: Pool, projections: Dependencies['projections']): Promise<void> => {
  const { rows } = await withClient(pool, (client) =>
    client.query<{ name: string }>(
      `select needed.projection as name from unnest($1::text[], $2::integer[]) as needed (projection, version)
       left join projecting.checkpoints c on c.projection = needed.projection and c.version >= needed.version
       where c.projection is null order by 1`,
      [projections.map(({ name }) => name), projections.map(({ version }) => version)],
    ),
  );
  if (rows.length === 0) return;
  const names = rows.map(({ name }) => name).join(', ');
  throw new NotReady(`These read models are not installed or not rebuilt at the version of this release: ${names}.`);
};

/** The parts of the problem document that `/readyz` answers with. */
export const describeFailing = (failing: readonly FailingCheck[]) => ({
  detail: `Not ready: ${failing.map(({ name }) => name).join(', ')}.`,
  missing: failing.map(({ name }) => name),
});
