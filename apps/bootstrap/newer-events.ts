import { Gauge } from 'prom-client';
import { upcasters } from '../../libs/domain/upcasters';
import { recordKnownEvents } from '../../libs/projecting/known-events';
import { projections } from '../../projections';
import type { Runtime } from './runtime';

/**
 * Says at the start where a newer release has run on this database: the log may hold events that this release does not
 * know. Not a readiness check: all other tenants are served, and a release that is rolled back to must start.
 */
export const reportNewerEvents = async ({
  projectorPool,
  logger,
  registry,
  waitForDatabase,
}: Pick<Runtime, 'projectorPool' | 'logger' | 'registry' | 'waitForDatabase'>): Promise<void> => {
  const unknown = await waitForDatabase(() => recordKnownEvents(projectorPool, projections, upcasters));
  new Gauge({
    name: 'tenantry_newer_event_types',
    help: 'Event types and schema versions that a newer release may have written and this one does not know',
    registers: [registry],
  }).set(unknown.length);
  if (unknown.length === 0) return;
  const kinds = unknown.map(({ type, schemaVersion }) => `${type} ${schemaVersion}`).slice(0, 20);
  logger.warn(
    { kinds, runbook: 'docs/runbooks/parked-events.md#events-of-a-newer-release' },
    'the log may hold events of a newer release, which has run on this database; tenants that have such events wait for it',
  );
};
