/**
 * Something was refused to somebody of a company, for the audit: a limit, a feature, a lock. In a stream of its own beside the
 * company's, so that those who are refused keep nobody from working.
 */
export type OperationRefused = {
  readonly type: 'OperationRefused';
  readonly data: {
    /** The problem's name. */
    readonly problem: string;
    /** What of: `projects`, `seats`, … or the feature; null for a lock. */
    readonly resource: string | null;
    readonly limit: number | null;
    readonly used: number | null;
    readonly plan: string | null;
    /** Method and path template. */
    readonly operation: string;
    readonly by: string;
    /** How often since it was recorded last. */
    readonly times: number;
  };
};
