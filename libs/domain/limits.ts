/** What one tenant's own stream owns, and its rules count exactly. Null: as many as wanted. */
export interface InStreamLimits {
  /** People who belong to the company. */
  readonly seats: number | null;
  readonly teams: number | null;
  /** Invitations that can still be used. */
  readonly openInvitations: number | null;
}
