import type { DomainEvent } from '#domain/events';
import { UnassignTask } from '#domain/task/decide';
import type { TaskAssigned, TaskCreated } from '#domain/task/events';
import { memberOf } from '#domain/tenant/evolve';
import type { Recorded } from '#projecting/projection';
import { tasksProjection } from '#projections/tasks/projection';
import { tasksAssignedBefore } from '#projections/tasks/queries';
import { answerTo } from '#reacting/answer';
import { defineReaction, type Reaction } from '#reacting/reaction';
import { requireReadModelPosition } from '#reacting/read-model';
import { createTenantStates } from '../../bootstrap/sagas/tenant-states';
import { forEachOf, type ReactionDeps, tenantIdOf } from './reaction-deps';

/**
 * The tasks of a removed member become unassigned. A task that is assigned to the member during the removal may have no
 * row in the read model yet when the tasks of the member are queried. So each event that assigns a task is handled,
 * too. A task that is assigned to a user who joined again stays assigned.
 */
export const createTasksOfRemovedMembers = ({ store, bus, pool, waiter }: ReactionDeps): Reaction => {
  const tenantOf = createTenantStates(store);

  const unassignIfNoMember = async (
    event: Recorded<TaskCreated | TaskAssigned>,
    assigneeId: string | null,
  ): Promise<void> => {
    if (assigneeId === null) return;
    const tenantId = tenantIdOf(event);
    const tenant = await tenantOf(tenantId);
    // Nothing changes in a tenant that is closed or erased.
    if (tenant.status !== 'open' || memberOf(tenant, assigneeId) !== undefined) return;
    const taskId = event.stream.id;
    await bus.execute(new UnassignTask(tenantId, { taskId, assignedAt: event.version }, answerTo(event, taskId)));
  };

  return defineReaction<DomainEvent>('tasks-of-removed-members', {
    MemberRemoved: async (event, signal) => {
      const tenantId = tenantIdOf(event);
      await requireReadModelPosition({ projection: tasksProjection.name, pool, waiter }, tenantId, event.position);
      const assigned = await tasksAssignedBefore(pool, tenantId, event.data.userId, event.position);
      await forEachOf(assigned, signal, (task) =>
        bus.execute(new UnassignTask(tenantId, task, answerTo(event, task.taskId))),
      );
    },
    TaskCreated: (event) => unassignIfNoMember(event, event.data.assigneeId),
    TaskAssigned: (event) => unassignIfNoMember(event, event.data.assigneeId),
  });
};
