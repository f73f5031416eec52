import type { Pool } from 'pg';
import type { OpenTenant } from '../../../libs/domain/tenant/evolve';
import type { EventLog } from '../../../libs/event-log/port';
import { createApiCalls } from '../../../libs/plans/api-calls';
import type { Catalogue } from '../../../libs/plans/catalogue';
import { countedUpTo } from '../../../libs/plans/held';
import { createLimitGuard, termsOf } from '../../../libs/plans/limit-guard';
import { type LimitGuard, unlimited } from '../../../libs/plans/limit-guard.port';
import { createReservations } from '../../../libs/plans/reservations';
import { createReservationSettler } from '../../../libs/plans/settling';
import type { ScopedDb } from '../../../libs/platform/database/scoped-db';
import type { Logger } from '../../../libs/platform/logger.port';
import type { PositionWaiter } from '../../../libs/projecting/position-waiter.port';
import type { CallAllowance } from '../identity/authentication/authority';
import { createQuota, type Quota } from './quota';
import { createUsage, type Usage } from './usage';

export interface PlansDeps {
  readonly catalogue: Catalogue;
  /** `none`: an installation without plans; nothing is limited, and nothing is counted. */
  readonly plans: 'catalogue' | 'none';
  readonly invitationsHoldSeats: boolean;
  /** Connects as the app role. */
  readonly pool: Pool;
  readonly db: ScopedDb;
  readonly log: EventLog;
  readonly waiter: PositionWaiter;
  readonly logger: Logger;
}

/** What the HTTP process needs of plans and limits. */
export abstract class Plans {
  abstract readonly guard: LimitGuard;
  abstract readonly quota: Quota;
  abstract readonly usage: Usage;
  /** Null: they are not counted. */
  abstract readonly callsOf: (tenant: OpenTenant) => CallAllowance | null;
  /** Nest calls it after the last request was answered. Stores the calls that are counted only here so far. */
  abstract onApplicationShutdown(): Promise<void>;
}

export const openPlans = (parts: PlansDeps): Plans => {
  const { catalogue, pool, db, log, waiter, logger, invitationsHoldSeats } = parts;
  if (parts.plans === 'none') {
    const nothing = { guard: unlimited, quota: createQuota(), usage: createUsage(undefined, false) };
    return { ...nothing, callsOf: () => null, onApplicationShutdown: async () => undefined };
  }
  const reservations = createReservations({ db, pool });
  const settling = createReservationSettler({ reservations, waiter });
  const counted = () => countedUpTo(pool);
  const calls = createApiCalls({ pool, db, logger });
  return {
    guard: createLimitGuard({ catalogue, reservations, settling, log, countedUpTo: counted, invitationsHoldSeats }),
    quota: createQuota(calls),
    usage: createUsage(calls, true),
    callsOf: (tenant) => {
      const { plan, limits } = termsOf(tenant);
      return { limit: limits.apiCallsPerMonth, plan, upgradeTo: catalogue.upgradeFrom(plan) };
    },
    onApplicationShutdown: () => calls.close(),
  };
};
