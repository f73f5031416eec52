import type { CommandBus } from '@nestjs/cqrs';
import { eraseUnusedAccess } from '#access/access-records';
import { eraseTenants } from '#erasing/erase-tenants';
import type { AggregateStore, CommandResult } from '#event-log/aggregate/aggregate-store';
import { type ErasureDeps, sweepErasures } from '#identity/sagas/erasure';
import { createErasureStore } from '#identity/sagas/erasure-store';
import { sweepJoins } from '#identity/sagas/join';
import { createJoinStore } from '#identity/sagas/join-store';
import { sweepSignUps } from '#identity/sagas/sign-up';
import { createSignUpStore } from '#identity/sagas/sign-up-store';
import { overdueReservations, settleReservations } from '#plans/reservations';
import { countedUpTo, settledReservations } from '#plans/settled-reservations';
import { createScopedDb } from '#platform/database/scoped/scoped-db';
import { createPostgresIdempotencyStore } from '#platform/idempotency/store';
import { createPollingLoops, type PollingLoops } from '#platform/loops/polling-loops';
import type { PositionWaiter } from '#projecting/read-your-writes/position-waiter.port';
import { tenantsToErase } from '#projections/tenants/queries';
import type { Runtime } from '../bootstrap/runtime';
import { createErasureEvents } from '../bootstrap/sagas/erasure-events';
import { createJoinEvents } from '../bootstrap/sagas/join-events';
import { createSignUpEvents } from '../bootstrap/sagas/sign-up-events';
import { createTenantStates } from '../bootstrap/sagas/tenant-states';

/** Milliseconds between two runs. */
const SIGN_UPS_MS = 5_000;
const JOINS_MS = 5_000;
const ERASURES_MS = 5_000;
const TENANTS_MS = 15_000;
const RESERVATIONS_MS = 5_000;
const KEYS_MS = 600_000;
const ACCESS_MS = 600_000;
/** The maximum number of access records that one run erases. */
const ACCESS_AT_ONCE = 10_000;
/** The maximum number of reservations that one run settles. */
const RESERVATIONS_AT_ONCE = 500;

/**
 * Starts the loops that complete interrupted sign-ups, joins and erasures, erase closed tenants, settle overdue
 * reservations, delete old idempotency keys and erase old addresses. Every worker runs all of them, which is safe at the
 * same time.
 */
export const startSweepers = (
  { log, projectorPool, accessRecords, settings, logger }: Runtime,
  store: AggregateStore,
  bus: CommandBus,
  waiter: PositionWaiter,
): Pick<PollingLoops, 'stop'> => {
  const execute = <Command extends object>(command: Command) => bus.execute<Command, CommandResult>(command);
  const signUpEvents = createSignUpEvents(execute);
  const signUpStore = createSignUpStore(projectorPool);
  const erasure: ErasureDeps = {
    onOrphan: (tenantId, userId) =>
      logger.error({ tenantId, userId }, 'the only owner of this tenant is erased: no user can manage it'),
    store: createErasureStore(projectorPool),
    events: createErasureEvents({
      execute,
      db: createScopedDb(projectorPool),
      stateOf: createTenantStates(store),
      log,
      waiter,
    }),
  };
  const joinEvents = createJoinEvents(execute);
  const joinStore = createJoinStore(projectorPool);
  const completeSignUps = async (): Promise<void> => {
    const completed = await sweepSignUps(signUpStore, signUpEvents);
    if (completed > 0) logger.info({ completed }, 'completed interrupted sign-ups');
  };

  const keys = createPostgresIdempotencyStore(projectorPool);
  const loops = createPollingLoops(logger);
  loops.every(SIGN_UPS_MS, 'completing sign-ups', completeSignUps);
  loops.every(JOINS_MS, 'completing joins', async () => {
    await sweepJoins(joinStore, joinEvents);
  });
  loops.every(ERASURES_MS, 'completing erasures', async () => {
    await sweepErasures(erasure);
  });
  loops.every(TENANTS_MS, 'erasing closed tenants', async () => {
    const due = (limit: number) => tenantsToErase(projectorPool, limit);
    const erased = await eraseTenants({ log, pool: projectorPool, accessRecords, due });
    if (erased > 0) logger.info({ erased }, 'erased closed tenants');
  });
  loops.every(RESERVATIONS_MS, 'clearing reservations', async () => {
    const overdue = await overdueReservations(projectorPool, RESERVATIONS_AT_ONCE);
    const settled = await settledReservations(log, overdue, () => countedUpTo(projectorPool));
    if (settled.length > 0) await settleReservations(projectorPool, settled);
  });
  loops.every(KEYS_MS, 'purging idempotency keys', async () => {
    await keys.purge();
  });
  loops.every(ACCESS_MS, 'erasing old addresses', async () => {
    const erased = await eraseUnusedAccess(projectorPool, settings.auditAccessRetentionDays, ACCESS_AT_ONCE);
    if (erased > 0) logger.info({ erased }, 'erased the addresses of access records after their time of retention');
  });
  return loops;
};
