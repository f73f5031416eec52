import type { Pool } from 'pg';
import type { OpenTenant } from '#domain/tenant/evolve';
import type { EventLog } from '#event-log/port';
import { createApiCalls } from '#plans/api-calls';
import type { Catalogue } from '#plans/catalogue/index';
import { createLimitGuard, termsOf } from '#plans/limit-guard';
import { type LimitGuard, unlimited } from '#plans/limit-guard.port';
import { createReservationSettler } from '#plans/reservation-settler';
import { createReservations } from '#plans/reservations';
import { countedUpTo } from '#plans/settled-reservations';
import type { ScopedDb } from '#platform/database/scoped/scoped-db';
import type { Logger } from '#platform/logging/logger.port';
import type { PositionWaiter } from '#projecting/read-your-writes/position-waiter.port';
import type { CallAllowance } from '../identity/authentication/cached-membership';
import { createQuota, type Quota } from './quota';
import { createUsage, type Usage } from './usage';

export interface PlansDeps {
  readonly catalogue: Catalogue;
  /** `none`: an installation without plans, which limits and counts nothing. */
  readonly plans: 'catalogue' | 'none';
  readonly invitationsHoldSeats: boolean;
  /** Connects as the app role. */
  readonly pool: Pool;
  readonly db: ScopedDb;
  readonly log: EventLog;
  readonly waiter: PositionWaiter;
  readonly logger: Logger;
}

/** The services for plans and limits of a process that serves the API. */
export abstract class Plans {
  abstract readonly guard: LimitGuard;
  abstract readonly quota: Quota;
  abstract readonly usage: Usage;
  /** The API calls that a tenant may make. Null: calls are not counted. */
  abstract readonly callsOf: (tenant: OpenTenant) => CallAllowance | null;
  /** Nest calls it after the last request was answered. It stores the counted API calls. */
  abstract onApplicationShutdown(): Promise<void>;
}

export const openPlans = (deps: PlansDeps): Plans => {
  const { catalogue, pool, db, log, waiter, logger, invitationsHoldSeats } = deps;
  if (deps.plans === 'none') {
    const noLimits = { guard: unlimited, quota: createQuota(), usage: createUsage(undefined, false) };
    return { ...noLimits, callsOf: () => null, onApplicationShutdown: async () => undefined };
  }
  const reservations = createReservations({ db, pool });
  const settler = createReservationSettler({ reservations, waiter });
  const checkpoint = () => countedUpTo(pool);
  const calls = createApiCalls({ pool, db, logger });
  return {
    guard: createLimitGuard({ catalogue, reservations, settler, log, countedUpTo: checkpoint, invitationsHoldSeats }),
    quota: createQuota(calls),
    usage: createUsage(calls, true),
    callsOf: (tenant) => {
      const { plan, limits } = termsOf(tenant);
      return { limit: limits.apiCallsPerMonth, plan, upgradeTo: catalogue.upgradeFrom(plan) };
    },
    onApplicationShutdown: () => calls.close(),
  };
};
