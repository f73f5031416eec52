import type { TenantCommand } from '#domain/command';
import { projectFold } from '#domain/project/evolve';
import type { TaskRuleFacts } from '#domain/task/decide';
import { taskFold } from '#domain/task/evolve';
import { memberOf, type Tenant, tenantAccessOf } from '#domain/tenant/evolve';
import type { AggregateStore } from '#event-log/aggregate/aggregate-store';
import { readTenant } from '../tenant/tenant-state';

/** The facts about the tenant and the project that the rules of tasks need. */
export interface TaskFacts extends TaskRuleFacts {
  /** Its plan sets the limits. */
  readonly tenant: Tenant;
  /** Undefined: the task does not exist, so its project is not known. */
  readonly projectId: string | undefined;
}

/** The user who sends the command, and the assignee, if the command names one. */
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
      : store.loadForDecision(projectFold, { tenantId, aggregate: projectFold.aggregate, id: projectId }),
  ]);
  return {
    ...tenantAccessOf(tenant, by),
    tenant,
    projectId,
    project: project?.state.status ?? 'absent',
    assigneeRole: typeof assigneeId === 'string' ? memberOf(tenant, assigneeId)?.role : undefined,
  };
};

/** The facts for a new task. The command names its project. */
export const readNewTaskFacts = (
  store: AggregateStore,
  { tenantId, input }: TenantCommand<TaskInput & { readonly projectId: string }>,
): Promise<TaskFacts> => readFacts(store, tenantId, input.projectId, input);

/** The facts for an existing task. Its own state names its project. */
export const readTaskFacts = async (
  store: AggregateStore,
  { tenantId, input }: TenantCommand<TaskInput & { readonly taskId: string }>,
): Promise<TaskFacts> => {
  const stream = { tenantId, aggregate: taskFold.aggregate, id: input.taskId };
  const { state: task } = await store.loadForDecision(taskFold, stream);
  return readFacts(store, tenantId, task.kind === 'present' ? task.projectId : undefined, input);
};
