/** Why a rule refuses a command: the names of problems in the HTTP API. */
export type RefusalReason =
  | 'forbidden'
  | 'not-found'
  | 'conflict'
  | 'gone'
  | 'precondition-failed'
  | 'plan-limit-reached'
  | 'feature-not-in-plan'
  | 'workspace-locked';

/** Thrown by a rule that refuses a command. Nothing is appended; the caller gets the reason. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  constructor(
    readonly reason: RefusalReason,
    /** One sentence for the user who asked. */
    readonly detail: string,
    /** Members of the problem's own, such as `limit` and `used`. */
    readonly members?: Readonly<Record<string, string | number | null>>,
  ) {
    super(detail);
  }
}
