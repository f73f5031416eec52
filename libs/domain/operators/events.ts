import { eventTypes } from '../event-types';

/**
 * The events of an operator: a person who runs the product, and belongs to no tenant. They are recorded a moment after
 * they happened, under the operator who caused them as the actor.
 */
export type OperatorEvent = OperatorAdded | OperatorRemoved | OperatorTokenIssued | OperatorActed;

/** A person became an operator. The actor of the first one is this operator. */
export type OperatorAdded = {
  readonly type: 'OperatorAdded';
  readonly data: {
    readonly name: string;
    readonly reason: string;
    /** RFC 3339. */
    readonly at: string;
  };
};

/** The person is no operator any more. All tokens of the operator are refused. */
export type OperatorRemoved = {
  readonly type: 'OperatorRemoved';
  readonly data: {
    readonly reason: string;
    /** RFC 3339. */
    readonly at: string;
  };
};

/** A token was made with which the operator can sign in. */
export type OperatorTokenIssued = {
  readonly type: 'OperatorTokenIssued';
  readonly data: {
    /** UUID: the credential in the access records of what is done with the token. */
    readonly tokenId: string;
    /** RFC 3339. */
    readonly expiresAt: string;
    /** RFC 3339. */
    readonly at: string;
  };
};

/**
 * What an operator can do, as the words of the command line and the parts of the API. An action keeps its name for
 * ever, because events hold it.
 */
export type OperatorAction =
  | 'projections.rebuild'
  | 'projections.reset'
  | 'projections.pause'
  | 'projections.resume'
  | 'parked.retry'
  | 'parked.skip'
  | 'reactions.reset'
  | 'reactions.retry'
  | 'reactions.skip'
  | 'keys.rotate'
  | 'keys.revoke'
  | 'billing.retry'
  | 'billing.skip'
  | 'billing.reconcile'
  | 'plans.agree'
  | 'plans.release'
  | 'jobs.pause'
  | 'jobs.resume'
  | 'jobs.promote'
  | 'jobs.empty'
  | 'jobs.retry'
  | 'jobs.clean';

/** An operator began to do something. The event does not say whether it succeeded. */
export type OperatorActed = {
  readonly type: 'OperatorActed';
  readonly data: {
    readonly action: OperatorAction;
    /** What it was done to, such as the name of a read model or the id of an event; null: the action has no object. */
    readonly target: string | null;
    /** The tenant that it concerns; null: no tenant, or several. */
    readonly tenantId: string | null;
    /** Why, in the operator's words; null: done on the page of jobs, which does not ask for a reason. */
    readonly reason: string | null;
    /** RFC 3339. */
    readonly at: string;
  };
};

export const OPERATOR_EVENTS = eventTypes<OperatorEvent>({
  OperatorAdded: true,
  OperatorRemoved: true,
  OperatorTokenIssued: true,
  OperatorActed: true,
});
