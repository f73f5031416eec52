import type { Pool } from 'pg';
import type { EventLog } from '#event-log/port';
import type { SigningKeys } from '#identity/keys/signing-keys';
import { requireDatabase } from '#platform/database/require-database';
import { type FailingCheck, NotReady, type ReadinessCheck } from '#platform/readiness/check';
import type { Projection } from '#projecting/projection';
import { requireReadable } from '#projecting/versions/readable';
import { requireEventLog } from '../event-log';
import type { OpenedJobs } from '../jobs';

export interface Dependencies {
  readonly log: Pick<EventLog, 'ping'>;
  /** Connects as the main role of the process. */
  readonly pool: Pool;
  /** The read models that the process queries. Each must have this version or a later one. */
  readonly projections: readonly Pick<Projection, 'name' | 'version' | 'tables'>[];
}

/** The checks of what every process of the product needs. */
export const dependencyChecks = ({ log, pool, projections }: Dependencies): ReadinessCheck[] => [
  {
    name: 'event log',
    message: 'The event log does not answer. Commands are answered with 503 until it does.',
    runbook: 'docs/runbooks/readiness.md#event-log',
    run: () => requireEventLog(log),
  },
  {
    name: 'database',
    message: 'PostgreSQL does not answer or refuses the connection.',
    runbook: 'docs/runbooks/readiness.md#database',
    run: () => requireDatabase(pool),
  },
  {
    name: 'read models',
    message: 'The versions of the read models could not be read.',
    runbook: 'docs/runbooks/readiness.md#read-models',
    run: () => requireReadable(pool, projections),
  },
];

/** An API checks also that the key with which it signs access tokens is among the keys that verify them. */
export const signingKeysCheck = (keys: Pick<SigningKeys, 'current' | 'find'>): ReadinessCheck => ({
  name: 'signing keys',
  message: 'The signing keys cannot be read, or none of them can sign.',
  runbook: 'docs/runbooks/readiness.md#signing-keys',
  run: async () => {
    if (await keys.find(keys.current().kid)) return;
    throw new NotReady(
      'The key that signs access tokens is not among the keys that verify them, so new tokens are refused.',
    );
  },
});

/** A worker checks also that the job queue answers. */
export const jobsCheck = (jobs: Pick<OpenedJobs, 'allQueues'>): ReadinessCheck => ({
  name: 'jobs',
  message:
    'The job queue does not answer (Redis if REDIS_URL is set, otherwise PostgreSQL). Billing and schedules wait for it.',
  runbook: 'docs/runbooks/readiness.md#jobs',
  run: () => jobs.allQueues(),
});

/** Members of the problem document of `/readyz`. */
export const describeFailing = (failing: readonly FailingCheck[]) => ({
  detail: `Not ready: ${failing.map(({ name }) => name).join(', ')}.`,
  missing: failing.map(({ name }) => name),
});
