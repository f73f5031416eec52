/** What caused a fact of sign-in. */
export interface FactCause {
  /** The request that caused it, as in `Append.correlationId`. */
  readonly correlationId: string;
  /** The access record of that request. Absent: it is not known. */
  readonly accessId?: string | null | undefined;
  /** The event that a reaction answered. Absent: no event caused it. */
  readonly causationId?: string;
}

/** The parameter `p_cause` of the SQL functions that store facts. */
export const causeJson = ({ correlationId, accessId, causationId }: FactCause): string =>
  JSON.stringify({ correlationId, accessId, causationId });
