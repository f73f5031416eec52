/** One thing that this process needs to do its work. */
export interface ReadinessCheck {
  /** Lower-case words; `/readyz`, the metric and the log name the check by it. A contract: alerts are written for it. */
  readonly name: string;
  /** One sentence for an operator, used unless `run` throws a {@link NotReady}. `/readyz` is public: no secrets in it. */
  readonly message: string;
  /** The path of a document in this repository, with the heading's anchor. */
  readonly runbook: string;
  /** Resolves if all is well. It may take a second; after that it counts as failed. */
  readonly run: () => Promise<unknown>;
  /** True where a failure belongs to every start and stop, so that no line is logged for it. */
  readonly isExpected?: boolean;
}

/** What a check throws when it can say more than its fixed message. The message is public, like that one. */
export class NotReady extends Error {
  override readonly name = 'NotReady';
}

/** A check that failed, as `/readyz` shows it. */
export interface FailingCheck {
  readonly name: string;
  readonly message: string;
  readonly runbook: string;
}
