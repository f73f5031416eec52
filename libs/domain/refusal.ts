/** Why a rule said no: the names of the problems that clients are told (see docs of the HTTP API). */
export type RefusalReason =
  | 'forbidden'
  | 'not-found'
  | 'conflict'
  | 'gone'
  | 'precondition-failed'
  | 'plan-limit-reached'
  | 'feature-not-in-plan'
  | 'workspace-locked';

/** A rule's typed no. Nothing is appended; the caller is told the reason. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  constructor(
    readonly reason: RefusalReason,
    /** One sentence for the person who asked. */
    readonly detail: string,
    /** Members of the problem's own, such as `limit` and `used`. */
    readonly members?: Readonly<Record<string, string | number | null>>,
  ) {
    super(detail);
  }
}
