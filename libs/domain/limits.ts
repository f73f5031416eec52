/** What a plan gives of each thing. Null: as many as wanted. */
export type PlanLimits = {
  /** People who belong to the tenant. */
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

/** What a plan may include beside its limits. Nothing is in here, and so in the catalogue, that is not there to be had. */
export const FEATURES = ['invitation-domains'] as const;
export type Feature = (typeof FEATURES)[number];

/** What one tenant's own stream owns, and its rules count exactly. */
export interface InStreamLimits extends Pick<PlanLimits, 'seats' | 'teams' | 'openInvitations'> {
  readonly features: readonly Feature[];
  /** Whether each use of an open invitation holds a seat until somebody takes it. */
  readonly invitationsHoldSeats: boolean;
  /** The plan that says so, and the next larger one, for those who are refused. */
  readonly plan: string;
  readonly upgradeTo: string | null;
}

/** For an installation without plans. */
export const NO_LIMITS: InStreamLimits = {
  ...{ seats: null, teams: null, openInvitations: null, features: FEATURES, invitationsHoldSeats: false },
  ...{ plan: 'none', upgradeTo: null },
};
