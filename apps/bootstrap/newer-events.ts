import { Gauge } from 'prom-client';
import { EVENT_TYPES } from '#domain/events';
import { upcasters } from '#domain/upcasters';
import { recordKnownEvents } from '#projecting/versions/known-events';
import type { Runtime } from './runtime';

/**
 * Logs at the start if a newer release has run on this database: the log may contain events that this release does not
 * know. It is not a readiness check, because after a rollback the older release must start and serve all other tenants.
 */
export const reportNewerEvents = async ({
  projectorPool,
  logger,
  registry,
  waitForDatabase,
}: Pick<Runtime, 'projectorPool' | 'logger' | 'registry' | 'waitForDatabase'>): Promise<void> => {
  const unknown = await waitForDatabase(() => recordKnownEvents(projectorPool, EVENT_TYPES, upcasters));
  new Gauge({
    name: 'tenantry_newer_event_types',
    help: 'Event types and schema versions of a newer release that this release does not know',
    registers: [registry],
  }).set(unknown.length);
  if (unknown.length === 0) return;
  const kinds = unknown.map(({ type, schemaVersion }) => `${type} ${schemaVersion}`).slice(0, 20);
  logger.warn(
    { kinds, runbook: 'docs/runbooks/parked-events.md#events-of-a-newer-release' },
    'a newer release has run on this database and may have written events that this release does not know; tenants with such events wait until the newer release runs',
  );
};
