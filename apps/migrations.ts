import { join } from 'node:path';
import type { Supplement } from '#platform/database/migrations/migrate';
import { readMigrationFolder } from '#platform/database/migrations/migration-folder';
import { jobsSchema } from '#platform/jobs/schema';

/** Every migration of the product, in order. A released migration is never edited or renamed. */
export const MIGRATIONS = readMigrationFolder(join(__dirname, 'migrations'));

/** Migrations of development versions before the first release (docs/adr/0021-baseline-migrations.md). */
export const RETIRED: readonly string[] = [
  '0001-roles',
  '0002-event-log',
  '0003-projecting',
  '0004-identity',
  '0005-idempotency',
  '0006-append-one',
  '0007-people-of-a-tenant',
  '0008-reacting',
  '0009-accounts',
  '0010-idempotency-persons',
  '0011-joins',
  '0012-erasing',
  '0013-jobs',
  '0014-plans',
  '0015-billing',
  '0016-append-expected',
  '0017-erased-tenants',
  '0018-erasing-what-remained',
  '0019-sessions-in-no-company',
  '0020-billing-turns',
  '0021-billing-nameless',
  '0022-reserving-by-sums',
  '0023-append-expected-by-equality',
  '0024-profile-as-seen',
  '0025-rebuild-tokens',
  '0026-log-identity',
  '0026-append-on-event',
  '0027-parked-and-skipped',
  '0028-leases',
  '0029-reacting-partitions',
  '0030-idempotency-lease-time',
  '0031-stream-names',
  '0032-billing-lease-time',
  '0033-identity-lease-time',
  '0034-plans-lease-time',
  '0035-erasing-parked-events',
  '0037-added-parts',
];

/** Tables that libraries migrate by themselves, after all migrations. */
export const SUPPLEMENTS: readonly Supplement[] = [jobsSchema];
