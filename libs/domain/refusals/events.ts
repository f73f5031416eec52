import { eventTypes } from '../event-types';

/**
 * Something was refused to somebody of a tenant, for the audit: a limit, a feature, a lock. In a stream of its own beside the
 * tenant's, so that those who are refused keep nobody from working.
 */
export type OperationRefused = {
  readonly type: 'OperationRefused';
  readonly data: {
    /** The problem's name. */
    readonly problem: string;
    /** What of, as `GET /v1/usage` names it (`projects`, `tasksPerProject`, `seats`, …), or the feature; null for a lock. */
    readonly resource: string | null;
    readonly limit: number | null;
    readonly used: number | null;
    readonly plan: string | null;
    /** Method and path template. */
    readonly operation: string;
    /** Null: somebody who wanted to join, and does not belong to the tenant. */
    readonly by: string | null;
    /** How often since it was recorded last. */
    readonly times: number;
  };
};

export const REFUSAL_EVENTS = eventTypes<OperationRefused>({
  OperationRefused: true,
});
