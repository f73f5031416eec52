import { ERASURE_EVENTS, type ErasureEvent } from './erasure/events';
import { OPERATOR_EVENTS, type OperatorEvent } from './operators/events';
import { PROJECT_EVENTS, type ProjectChanged, type ProjectLifecycleEvent } from './project/events';
import { type OperationRefused, REFUSAL_EVENTS } from './refusals/events';
import { SESSION_EVENTS, type SessionEvent } from './session/events';
import { TASK_EVENTS, type TaskDetailEvent, type TaskLifecycleEvent } from './task/events';
import type { LockEvent, PaymentEvent, PlanChanged, SubscriptionEvent } from './tenant/billing-events';
import {
  type InvitationEvent,
  type MembershipEvent,
  TENANT_EVENTS,
  type TeamEvent,
  type TenantLifecycleEvent,
} from './tenant/events';
import { USER_EVENTS, type UserEvent } from './user/events';

/**
 * Every event that the log may hold, by the aggregate whose streams hold it. The events of a larger aggregate are
 * grouped into parts, named after their subject, so that a read model can ignore a whole part.
 */
export type DomainEvents = {
  'tenant.workspace': TenantLifecycleEvent;
  'tenant.members': MembershipEvent;
  'tenant.invitations': InvitationEvent;
  'tenant.teams': TeamEvent;
  'tenant.plan': PlanChanged;
  'tenant.subscription': SubscriptionEvent;
  'tenant.payments': PaymentEvent;
  'tenant.lock': LockEvent;
  'project.lifecycle': ProjectLifecycleEvent;
  'project.details': ProjectChanged;
  'task.lifecycle': TaskLifecycleEvent;
  'task.details': TaskDetailEvent;
  user: UserEvent;
  session: SessionEvent;
  'operators.erasure': ErasureEvent;
  'operators.actions': OperatorEvent;
  refusals: OperationRefused;
};

export type DomainEvent = DomainEvents[keyof DomainEvents];

type AggregateOf<Group> = Group extends `${infer Aggregate}.${string}` ? Aggregate : Group;

/** The event names of each aggregate. `npm run events` reads the streams in docs/events.md from the comments. */
const NAMES: { readonly [aggregate in AggregateOf<keyof DomainEvents>]: readonly DomainEvent['type'][] } = {
  /** `<tenant>-tenant.<tenant>` */
  tenant: TENANT_EVENTS,
  /** `<tenant>-project.<project>` */
  project: PROJECT_EVENTS,
  /** `<tenant>-task.<task>` */
  task: TASK_EVENTS,
  /** `user-<user>`. Users are outside every tenant. */
  user: USER_EVENTS,
  /**
   * `<tenant>-session.<session>`, or `session-<session>` for a session outside of all tenants. Each event is appended a
   * moment after the session started or ended.
   */
  session: SESSION_EVENTS,
  /**
   * `operators-<id>`. The id of an operator: what the operator did. The id of a tenant: what operators must know about it
   * after its own streams are erased.
   */
  operators: [...ERASURE_EVENTS, ...OPERATOR_EVENTS],
  /**
   * `<tenant>-refusals.<tenant>`. It is not the tenant's own stream, so that refusals do not delay commands of members.
   */
  refusals: REFUSAL_EVENTS,
};

/** The names of all events that this release knows. */
export const EVENT_TYPES: readonly DomainEvent['type'][] = Object.values(NAMES).flat();
