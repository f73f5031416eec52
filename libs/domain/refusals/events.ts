import { eventTypes } from '../event-types';

/**
 * A request in a tenant was refused because of a limit, a missing feature or a lock, or a user could not join by an
 * invitation. It is recorded for the audit, in a separate stream, so that many refusals do not delay commands on the
 * tenant's own stream.
 */
export type OperationRefused = {
  readonly type: 'OperationRefused';
  readonly data: {
    /** The name of the problem in the answer. */
    readonly problem: string;
    /**
     * The resource, as `GET /v1/usage` names it (`projects`, `tasksPerProject`, `seats`, …), or the feature; null for a
     * lock or an invitation.
     */
    readonly resource: string | null;
    readonly limit: number | null;
    readonly used: number | null;
    readonly plan: string | null;
    /** HTTP method and path template. */
    readonly operation: string;
    /** The user whose request was refused; null: a user who tried to join and is not a member. */
    readonly by: string | null;
    /** The number of such refusals since the last one was recorded. */
    readonly times: number;
  };
};

export const REFUSAL_EVENTS = eventTypes<OperationRefused>({
  OperationRefused: true,
});
