import { type InStreamLimits, NO_LIMITS } from '#domain/limits';
import type { Tenant } from '#domain/tenant/evolve';

/** A resource whose limit spans several streams, so that a reservation is needed to use it. */
export type Reservable =
  | { readonly resource: 'projects'; readonly projectId: string }
  | { readonly resource: 'tasks'; readonly projectId: string; readonly taskId: string };

/** The tenant and the command for which a resource is reserved. */
export interface LimitClaim {
  readonly tenantId: string;
  /** The present state of the tenant. Its terms contain the limits. */
  readonly tenant: Tenant;
  /** The command that will use the resource. A repeat of the same command reserves nothing more. */
  readonly commandId: string;
}

export interface Reservation {
  /**
   * False: the reservation has expired, for example because the process was paused, and another command may have the
   * place.
   */
  isUsable(): boolean;
  /**
   * Must be called when an event at this position used the reservation: it counts until the read model counts the
   * event.
   */
  used(position: bigint): void;
  /** Releases a reservation that was not used. Never rejects. */
  release(): Promise<void>;
}

/** Enforces the limits of plans before a command writes. Nest injects it by its class. */
export abstract class LimitGuard {
  /** The limits for a rule. @param tenant the state from which the rule decides */
  abstract limitsOf(tenant: Tenant): InStreamLimits;
  /**
   * Reserves one place below the limit.
   * @throws Problem plan-limit-reached
   */
  abstract reserve(claim: LimitClaim, wanted: Reservable): Promise<Reservation>;
  /**
   * Checks that a project may be changed. After a change to a smaller plan, the projects beyond its limit can only be
   * read and archived.
   * @throws Problem plan-limit-reached
   */
  abstract requireWritable(tenantId: string, tenant: Tenant, projectId: string): Promise<void>;
}

export const NOTHING_RESERVED: Reservation = {
  isUsable: () => true,
  used: () => undefined,
  release: async () => undefined,
};

/** The guard of an installation without plans: it limits nothing. */
export const unlimited = {
  limitsOf: () => NO_LIMITS,
  reserve: async () => NOTHING_RESERVED,
  requireWritable: async () => undefined,
} satisfies LimitGuard;
