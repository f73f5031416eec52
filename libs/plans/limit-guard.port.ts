import type { InStreamLimits } from '../domain/limits';

/** What spans streams, and is taken by a reservation. */
export type Reservable = { readonly resource: 'projects' } | { readonly resource: 'tasks'; readonly projectId: string };

export interface Reservation {
  /** Gives back what was not used. What was used is confirmed by the event that used it. */
  release(): Promise<void>;
}

/** Asked before anything is written that a plan limits. */
export interface LimitGuard {
  /** For `decide`. */
  limitsOf(tenantId: string): Promise<InStreamLimits>;
  /**
   * Takes one.
   * @param commandId of the command that will use it: a repeat of it takes nothing more
   * @throws Problem plan-limit-reached
   */
  reserve(tenantId: string, wanted: Reservable, commandId: string): Promise<Reservation>;
}

const NO_LIMITS: InStreamLimits = { seats: null, teams: null, openInvitations: null };

/** The guard of an installation without plans. */
export const unlimited: LimitGuard = {
  limitsOf: async () => NO_LIMITS,
  reserve: async () => ({ release: async () => undefined }),
};

/** What Nest injects a {@link LimitGuard} by. */
export const LIMIT_GUARD = Symbol('limit guard');
