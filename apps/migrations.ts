import { join } from 'node:path';
import type { Migration, Supplement } from '../libs/platform/database/migrate';
import { jobsSchema } from '../libs/platform/jobs/schema';

const root = join(__dirname, '..');
const migration = (id: string, path: string): Migration => ({ id, file: join(root, path) });

/** Every migration of the product, in order. One that was released is never edited, moved up or renamed. */
export const MIGRATIONS: readonly Migration[] = [
  migration('0001-roles', 'libs/platform/database/migrations/0001-roles.sql'),
  migration('0002-event-log', 'libs/event-log/postgres/schema.sql'),
  migration('0003-projecting', 'libs/projecting/schema.sql'),
  migration('0004-identity', 'libs/identity/schema.sql'),
  migration('0005-idempotency', 'libs/platform/idempotency/schema.sql'),
  migration('0006-append-one', 'libs/event-log/postgres/append-one.sql'),
  migration('0007-people-of-a-tenant', 'libs/identity/people-of-a-tenant.sql'),
  migration('0008-reacting', 'libs/reacting/schema.sql'),
  migration('0009-accounts', 'libs/identity/accounts.sql'),
  migration('0010-idempotency-persons', 'libs/platform/idempotency/persons.sql'),
  migration('0011-joins', 'libs/identity/joins.sql'),
  migration('0012-erasing', 'libs/erasing/schema.sql'),
  migration('0013-jobs', 'libs/platform/jobs/schema.sql'),
  migration('0014-plans', 'libs/plans/schema.sql'),
  migration('0015-billing', 'libs/billing/schema.sql'),
  migration('0016-append-expected', 'libs/event-log/postgres/append-expected.sql'),
  migration('0017-erased-tenants', 'libs/event-log/postgres/erased-tenants.sql'),
  migration('0018-erasing-what-remained', 'libs/erasing/what-remained.sql'),
  migration('0019-sessions-in-no-company', 'libs/identity/sessions-in-no-company.sql'),
  migration('0020-billing-turns', 'libs/billing/turns.sql'),
  migration('0021-billing-nameless', 'libs/billing/nameless.sql'),
  migration('0022-reserving-by-sums', 'libs/plans/reserving-by-sums.sql'),
  migration('0023-append-expected-by-equality', 'libs/event-log/postgres/append-expected-by-equality.sql'),
  migration('0024-profile-as-seen', 'libs/identity/profile-as-seen.sql'),
  migration('0025-rebuild-tokens', 'libs/projecting/rebuild-tokens.sql'),
  migration('0026-log-identity', 'libs/event-log/postgres/log-identity.sql'),
  migration('0026-append-on-event', 'libs/event-log/postgres/append-on-event.sql'),
  migration('0027-parked-and-skipped', 'libs/projecting/parked-and-skipped.sql'),
  migration('0028-leases', 'libs/platform/lease/schema.sql'),
  migration('0029-reacting-partitions', 'libs/reacting/partitions.sql'),
  migration('0030-idempotency-lease-time', 'libs/platform/idempotency/lease-time.sql'),
  migration('0031-stream-names', 'libs/event-log/postgres/stream-names.sql'),
  migration('0032-billing-lease-time', 'libs/billing/lease-time.sql'),
  migration('0033-identity-lease-time', 'libs/identity/lease-time.sql'),
  migration('0034-plans-lease-time', 'libs/plans/lease-time.sql'),
  migration('0035-erasing-parked-events', 'libs/erasing/parked-events.sql'),
  migration('0037-added-parts', 'libs/projecting/added-parts.sql'),
];

/** What libraries migrate by themselves, after all migrations. */
export const SUPPLEMENTS: readonly Supplement[] = [jobsSchema];
