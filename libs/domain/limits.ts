/** The highest number of each resource that a plan allows. Null: no limit. */
export type PlanLimits = {
  /** Members of the tenant. */
  readonly seats: number | null;
  readonly teams: number | null;
  /** Invitations that can still be used. */
  readonly openInvitations: number | null;
  /** Projects that are not archived. */
  readonly projects: number | null;
  readonly tasksPerProject: number | null;
  /** Requests of the tenant in a calendar month, UTC. */
  readonly apiCallsPerMonth: number | null;
};

/**
 * Every feature that a plan may include. A feature is listed here, and in the catalogue, only once its routes exist.
 */
export const FEATURES = ['invitation-domains'] as const;
export type Feature = (typeof FEATURES)[number];

/** The limits that the rules of a tenant enforce exactly, because its own stream counts the resources. */
export interface InStreamLimits extends Pick<PlanLimits, 'seats' | 'teams' | 'openInvitations'> {
  readonly features: readonly Feature[];
  /** Whether each unused use of an open invitation counts as a used seat. */
  readonly invitationsHoldSeats: boolean;
  /** The plan that sets these limits, and the next larger plan, both for the text of a refusal. */
  readonly plan: string;
  readonly upgradeTo: string | null;
}

/** For an installation without plans. */
export const NO_LIMITS: InStreamLimits = {
  ...{ seats: null, teams: null, openInvitations: null, features: FEATURES, invitationsHoldSeats: false },
  ...{ plan: 'none', upgradeTo: null },
};
