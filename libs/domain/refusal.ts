/** Why a rule refuses a command. Each reason is the name of a problem in the HTTP API. */
export type RefusalReason =
  | 'forbidden'
  | 'not-found'
  | 'conflict'
  | 'gone'
  | 'precondition-failed'
  | 'plan-limit-reached'
  | 'feature-not-in-plan'
  | 'workspace-locked';

/** A rule throws it to refuse a command. No event is appended, and the caller receives the reason. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  constructor(
    readonly reason: RefusalReason,
    /** One or two sentences for the user who sent the command. */
    readonly detail: string,
    /** Further members of the problem document, such as `limit` and `used`. */
    readonly members?: Readonly<Record<string, string | number | null>>,
  ) {
    super(detail);
  }
}
