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
  readonly settler: ReservationSettler;
  readonly log: EventLog;
  /** The checkpoint of the read model plan-limits. */
  readonly countedUpTo: CountedUpTo;
  readonly invitationsHoldSeats: boolean;
}

/** The present terms of a tenant. For a closed tenant these are the terms of a new one, which have no effect. */
export const termsOf = (tenant: Tenant): Terms =>
  (tenant.status === 'open' ? tenant.account.terms : null) ?? FOUNDING_TERMS;

/** The limits that the rules of the tenant's own stream enforce, with `requireRoom`. */
export const inStreamLimits =
  (catalogue: Catalogue, invitationsHoldSeats: boolean) =>
  (tenant: Tenant): InStreamLimits => {
    const { plan, limits, features } = termsOf(tenant);
    const { seats, teams, openInvitations } = limits;
    const upgradeTo = catalogue.upgradeFrom(plan);
    return { seats, teams, openInvitations, features, invitationsHoldSeats, plan, upgradeTo };
  };

/**
 * ms within which a reservation may be used, measured from before it was made. Other processes regard it as lost after
 * {@link RESERVED_SECONDS}.
 */
const USABLE_MS = (RESERVED_SECONDS - 10) * 1_000;

/** The names of the resources in `GET /v1/usage`. */
const NAMES = { projects: 'projects', tasks: 'tasksPerProject' } as const;
/** The names of the resources in problem details. */
const LABELS = { projects: 'projects', tasks: 'tasks in a project' } as const;

/**
 * The guard of an installation with plans. The limits come from the present state of the tenant's own stream, so that
 * an upgrade counts from the next command on. The use comes from the read model and from the reservations of other
 * commands.
 */
export const createLimitGuard = (deps: LimitGuardDeps): LimitGuard => {
  const { catalogue, reservations, settler, log, countedUpTo, invitationsHoldSeats } = deps;

  const limitReached = (
    terms: Terms,
    resource: 'projects' | 'tasks',
    limit: number,
    used: number,
    suffix: string,
  ): Problem => {
    const { plan } = terms;
    const members = { resource: NAMES[resource], limit, used, plan, upgradeTo: catalogue.upgradeFrom(plan) };
    return new Problem('plan-limit-reached', {
      detail: `The plan ${plan} allows ${limit} ${LABELS[resource]}${suffix}`,
      members,
    });
  };

  /** Reads from the log whether reservations were used, and deletes those that no longer have to count. */
  const settleHeld = async (tenantId: string, scopeId: string): Promise<void> => {
    const settled = await settledReservations(log, await reservations.heldIn(tenantId, scopeId), countedUpTo);
    if (settled.length > 0) await reservations.settle(settled);
  };

  /** @throws Problem plan-limit-reached */
  const reserve = async (terms: Terms, request: ReservationRequest, limit: number): Promise<void> => {
    const { tenantId, scopeId, resource } = request;
    const first = await reservations.reserve(request, limit);
    if (first.taken) return;
    if (first.held > 0) {
      // The second attempt is made even if nothing was deleted, because another process may have deleted a reservation.
      await settleHeld(tenantId, scopeId);
      const second = await reservations.reserve(request, limit);
      if (second.taken) return;
    }
    throw limitReached(terms, resource, limit, first.used, `, and ${first.used} are used.`);
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
      await reserve(terms, { tenantId, commandId, resource, scopeId, unitId }, limit);
      return settler.reservation(tenantId, commandId, until);
    },

    requireWritable: async (tenantId, tenant, projectId) => {
      if (tenant.status !== 'open' || !tenant.account.shrunk) return;
      const terms = termsOf(tenant);
      const limit = terms.limits.projects;
      if (limit === null) return;
      const rank = await reservations.rankOf(tenantId, projectId, limit);
      if (rank === undefined || rank < limit) return;
      const used = await reservations.projectsOf(tenantId);
      throw limitReached(
        terms,
        'projects',
        limit,
        used,
        `, and ${used} are used. This project exceeds the limit: it can be read and archived, but not changed.`,
      );
    },
  };
};
