import type { TenantCommand } from '#domain/command';
import {
  ChangeTask,
  CreateTask,
  changeTask,
  createTask,
  DeleteTask,
  deleteTask,
  UnassignTask,
  unassignTask,
} from '#domain/task/decide';
import { type Task, taskFold } from '#domain/task/evolve';
import { commandHandler } from '../command-handler';
import { noFacts } from '../rule';
import { readNewTaskFacts, readTaskFacts, type TaskFacts } from './facts';

type TaskCommand = TenantCommand<{ readonly taskId: string }>;

const aggregate = {
  fold: taskFold,
  streamOf: ({ tenantId, input: { taskId } }: TaskCommand) => ({ tenantId, aggregate: taskFold.aggregate, id: taskId }),
};

const writesToItsProject = {
  writesTo: ({ tenantId }: TaskCommand, { tenant, projectId }: TaskFacts) =>
    projectId === undefined ? undefined : { tenantId, tenant, projectId },
};

/** The command handlers of the aggregate task: each command with the rule that decides on it. */
export const taskHandlers = [
  commandHandler({
    ...aggregate,
    ...writesToItsProject,
    command: CreateTask,
    creates: true,
    readFacts: readNewTaskFacts,
    reserves: ({ tenantId, input: { projectId, taskId }, context }: CreateTask, { tenant }: TaskFacts) => ({
      claim: { tenantId, tenant, commandId: context.commandId },
      wanted: { resource: 'tasks' as const, projectId, taskId },
    }),
    decide: ({ input }: CreateTask, task: Task, facts: TaskFacts) => createTask(input, facts, task),
  }),
  commandHandler({
    ...aggregate,
    ...writesToItsProject,
    command: ChangeTask,
    readFacts: readTaskFacts,
    decide: ({ input }: ChangeTask, task: Task, facts: TaskFacts) => changeTask(input, facts, task),
  }),
  commandHandler({
    ...aggregate,
    command: DeleteTask,
    readFacts: readTaskFacts,
    decide: (_: DeleteTask, task: Task, facts: TaskFacts) => deleteTask(facts, task),
  }),
  commandHandler({
    ...aggregate,
    command: UnassignTask,
    readFacts: noFacts,
    decide: ({ input }: UnassignTask, task: Task) => unassignTask(input.assignedAt, task),
  }),
];
