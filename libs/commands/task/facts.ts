import type { TenantCommand } from '#domain/command';
import { projectFold } from '#domain/project/evolve';
import type { TaskRuleFacts } from '#domain/task/decide';
import { taskFold } from '#domain/task/evolve';
import { memberOf, type Tenant, tenantAccessOf } from '#domain/tenant/evolve';
import type { AggregateStore } from '#event-log/aggregate/aggregate-store';
import { readTenant } from '../tenant/tenant-state';

/** What the rules of tasks must know about the tenant and the project. */
export interface TaskFacts extends TaskRuleFacts {
  /** For the plan's limits. */
  readonly tenant: Tenant;
  /** undefined: the task does not exist, so that nothing depends on its project */
  readonly projectId: string | undefined;
}

/** The user who asks, and the user that the task shall be assigned to, where the command names one. */
interface TaskInput {
  readonly by: string;
  readonly assigneeId?: string | null;
}

const readFacts = async (
  store: AggregateStore,
  tenantId: string,
  projectId: string | undefined,
  { by, assigneeId }: TaskInput,
): Promise<TaskFacts> => {
  const [tenant, project] = await Promise.all([
    readTenant(store, tenantId),
    projectId === undefined
      ? undefined
      : store.loadWhole(projectFold, { tenantId, aggregate: projectFold.aggregate, id: projectId }),
  ]);
  return {
    ...tenantAccessOf(tenant, by),
    tenant,
    projectId,
    project: project?.state.status ?? 'absent',
    assigneeRole: typeof assigneeId === 'string' ? memberOf(tenant, assigneeId)?.role : undefined,
  };
};

/** For a new task, whose project the command names. */
export const readNewTaskFacts = (
  store: AggregateStore,
  { tenantId, input }: TenantCommand<TaskInput & { readonly projectId: string }>,
): Promise<TaskFacts> => readFacts(store, tenantId, input.projectId, input);

/** For a task that exists: its own events say which project it belongs to. */
export const readTaskFacts = async (
  store: AggregateStore,
  { tenantId, input }: TenantCommand<TaskInput & { readonly taskId: string }>,
): Promise<TaskFacts> => {
  const stream = { tenantId, aggregate: taskFold.aggregate, id: input.taskId };
  const { state: task } = await store.loadWhole(taskFold, stream);
  return readFacts(store, tenantId, task.kind === 'present' ? task.projectId : undefined, input);
};
