import type { InStreamLimits } from '#domain/limits';
import type { Terms } from '#domain/tenant/billing-events';
import type { Tenant } from '#domain/tenant/evolve';
import type { EventLog } from '#event-log/port';
import { Problem } from '#platform/problems';
import { type Catalogue, FOUNDING_TERMS } from './catalogue';
import {
  type LimitClaim,
  type LimitGuard,
  NOTHING_RESERVED,
  type Reservable,
  type Reservation,
} from './limit-guard.port';
import type { ReservationSettler } from './reservation-settler';
import { RESERVED_SECONDS, type ReservationRequest, type Reservations } from './reservations';
import { type CountedUpTo, settledReservations } from './settled-reservations';

export interface LimitGuardDeps {
  readonly catalogue: Catalogue;
  readonly reservations: Reservations;
  readonly settling: ReservationSettler;
  readonly log: EventLog;
  /** Of the read model plan-limits. */
  readonly countedUpTo: CountedUpTo;
  readonly invitationsHoldSeats: boolean;
}

/** What a tenant may use now. One that is closed may use what every tenant begins with, and nothing asks. */
export const termsOf = (tenant: Tenant): Terms =>
  (tenant.status === 'open' ? tenant.account.terms : null) ?? FOUNDING_TERMS;

/** What a tenant's own rules enforce. */
export const inStreamLimits =
  (catalogue: Catalogue, invitationsHoldSeats: boolean) =>
  (tenant: Tenant): InStreamLimits => {
    const { plan, limits, features } = termsOf(tenant);
    const { seats, teams, openInvitations } = limits;
    const upgradeTo = catalogue.upgradeFrom(plan);
    return { seats, teams, openInvitations, features, invitationsHoldSeats, plan, upgradeTo };
  };

/** ms from before a reservation was taken in which it may be used: others take it for lost after {@link RESERVED_SECONDS}. */
const USABLE_MS = (RESERVED_SECONDS - 10) * 1_000;

/** As `GET /v1/usage` names them, and in words. */
const NAMES = { projects: 'projects', tasks: 'tasksPerProject' } as const;
const WORDS = { projects: 'projects', tasks: 'tasks in a project' } as const;

/**
 * The guard of plans. What it compares with comes from the tenant's own stream, as it is at that moment, so that an
 * upgrade counts from the next command on; what is in use comes from the read model, and from what others are about to use.
 */
export const createLimitGuard = (parts: LimitGuardDeps): LimitGuard => {
  const { catalogue, reservations, settling, log, countedUpTo, invitationsHoldSeats } = parts;

  const reached = (
    terms: Terms,
    resource: 'projects' | 'tasks',
    limit: number,
    used: number,
    what: string,
  ): Problem => {
    const { plan } = terms;
    const members = { resource: NAMES[resource], limit, used, plan, upgradeTo: catalogue.upgradeFrom(plan) };
    return new Problem('plan-limit-reached', {
      detail: `The plan ${plan} allows ${limit} ${WORDS[resource]}${what}`,
      members,
    });
  };

  /** Looks up what became of the reservations, and forgets those that are done with. */
  const clearHeld = async (tenantId: string, scopeId: string): Promise<void> => {
    const settled = await settledReservations(log, await reservations.heldIn(tenantId, scopeId), countedUpTo);
    if (settled.length > 0) await reservations.settle(settled);
  };

  const take = async (terms: Terms, wanted: ReservationRequest, limit: number): Promise<void> => {
    const { tenantId, scopeId, resource } = wanted;
    const first = await reservations.reserve(wanted, limit);
    if (first.taken) return;
    if (first.held > 0) {
      // Also where there is nothing to forget any more: it may have been forgotten meanwhile.
      await clearHeld(tenantId, scopeId);
      const second = await reservations.reserve(wanted, limit);
      if (second.taken) return;
    }
    throw reached(terms, resource, limit, first.used, `, and ${first.used} are used.`);
  };

  return {
    limitsOf: inStreamLimits(catalogue, invitationsHoldSeats),

    reserve: async ({ tenantId, tenant, commandId }: LimitClaim, wanted: Reservable): Promise<Reservation> => {
      const terms = termsOf(tenant);
      const { resource } = wanted;
      const limit = resource === 'projects' ? terms.limits.projects : terms.limits.tasksPerProject;
      if (limit === null) return NOTHING_RESERVED;
      const [scopeId, unitId] =
        resource === 'projects' ? [tenantId, wanted.projectId] : [wanted.projectId, wanted.taskId];
      const until = performance.now() + USABLE_MS;
      await take(terms, { tenantId, commandId, resource, scopeId, unitId }, limit);
      return settling.reservation(tenantId, commandId, until);
    },

    requireWritable: async (tenantId, tenant, projectId) => {
      if (tenant.status !== 'open' || !tenant.account.shrunk) return;
      const terms = termsOf(tenant);
      const limit = terms.limits.projects;
      if (limit === null) return;
      const rank = await reservations.rankOf(tenantId, projectId, limit);
      if (rank === undefined || rank < limit) return;
      const used = await reservations.projectsOf(tenantId);
      throw reached(
        terms,
        'projects',
        limit,
        used,
        `, and ${used} are used: this one, beyond them, can be read and archived.`,
      );
    },
  };
};
