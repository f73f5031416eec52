import { type InStreamLimits, NO_LIMITS } from '#domain/limits';
import type { Tenant } from '#domain/tenant/evolve';

/** What spans streams, and is taken by a reservation. */
export type Reservable =
  | { readonly resource: 'projects'; readonly projectId: string }
  | { readonly resource: 'tasks'; readonly projectId: string; readonly taskId: string };

/** Who takes it, and for what. */
export interface LimitClaim {
  readonly tenantId: string;
  /** As it is now: its terms say what it may use. */
  readonly tenant: Tenant;
  /** Of the command that will use it: a repeat of it takes nothing more. */
  readonly commandId: string;
}

export interface Reservation {
  /** False where its time is over, after a process stood still: somebody else may have the place. */
  isUsable(): boolean;
  /** It was used by what lies at that position: it counts until the read model counts that. */
  used(position: bigint): void;
  /** Gives back what was not used. Never rejects. */
  release(): Promise<void>;
}

/** Asked before anything is written that a plan limits. Nest injects it by its class. */
export abstract class LimitGuard {
  /** For `decide`, of the very state that it decides on. */
  abstract limitsOf(tenant: Tenant): InStreamLimits;
  /**
   * Takes one.
   * @throws Problem plan-limit-reached
   */
  abstract reserve(claim: LimitClaim, wanted: Reservable): Promise<Reservation>;
  /**
   * After a plan became smaller, the projects beyond its limit can be read and removed, and not added to.
   * @throws Problem plan-limit-reached
   */
  abstract requireWritable(tenantId: string, tenant: Tenant, projectId: string): Promise<void>;
}

export const NOTHING_RESERVED: Reservation = {
  isUsable: () => true,
  used: () => undefined,
  release: async () => undefined,
};

/** The guard of an installation without plans. */
export const unlimited = {
  limitsOf: () => NO_LIMITS,
  reserve: async () => NOTHING_RESERVED,
  requireWritable: async () => undefined,
} satisfies LimitGuard;
