/** Checks one thing that this process needs for its work. */
export interface ReadinessCheck {
  /** Lower-case words, used in `/readyz`, the metric and the log. It never changes, because alerts refer to it. */
  readonly name: string;
  /**
   * One sentence for operators, unless `run` throws {@link NotReady}. `/readyz` is public, so it contains no secrets.
   */
  readonly message: string;
  /** The path of a document in this repository, with the anchor of a heading. */
  readonly runbook: string;
  /** Resolves if the check passes. It counts as failed if it rejects, or takes longer than one second. */
  readonly run: () => Promise<unknown>;
  /** True if the check fails during every start and stop, so that its failures are not logged. */
  readonly isExpected?: boolean;
}

/** A check throws it to replace its fixed message. The new message is public as well. */
export class NotReady extends Error {
  override readonly name = 'NotReady';
}

/** A failed check as `/readyz` shows it. */
export interface FailingCheck {
  readonly name: string;
  readonly message: string;
  readonly runbook: string;
}
