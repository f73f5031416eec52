import type { TenantCommand } from '#domain/command';
import {
  ArchiveProject,
  archiveProject,
  ChangeProject,
  CreateProject,
  changeProject,
  createProject,
  ReleaseProject,
  RestoreProject,
  releaseProject,
  restoreProject,
} from '#domain/project/decide';
import { type Project, projectFold } from '#domain/project/evolve';
import { commandHandler } from '../command-handler';
import { noFacts } from '../rule';
import { type ProjectFacts, readProjectFacts } from './facts';

type ProjectCommand = TenantCommand<{ readonly projectId: string }>;

const aggregate = {
  fold: projectFold,
  streamOf: ({ tenantId, input: { projectId } }: ProjectCommand) => ({
    tenantId,
    aggregate: projectFold.aggregate,
    id: projectId,
  }),
  readFacts: readProjectFacts,
};

/** Each project that is not archived counts towards the plan's limit. */
const reservesProject = {
  reserves: ({ tenantId, input: { projectId }, context }: ProjectCommand, { tenant }: ProjectFacts) => ({
    claim: { tenantId, tenant, commandId: context.commandId },
    wanted: { resource: 'projects' as const, projectId },
  }),
};

/** The command handlers of the aggregate project: each command with the rule that decides on it. */
export const projectHandlers = [
  commandHandler({
    ...aggregate,
    ...reservesProject,
    command: CreateProject,
    creates: true,
    decide: ({ input }: CreateProject, project: Project, facts: ProjectFacts) => createProject(input, facts, project),
  }),
  commandHandler({
    ...aggregate,
    command: ChangeProject,
    writesTo: ({ tenantId, input: { projectId } }: ChangeProject, { tenant }: ProjectFacts) => ({
      tenantId,
      tenant,
      projectId,
    }),
    decide: ({ input }: ChangeProject, project: Project, facts: ProjectFacts) => changeProject(input, facts, project),
  }),
  commandHandler({
    ...aggregate,
    command: ArchiveProject,
    decide: (_: ArchiveProject, project: Project, facts: ProjectFacts) => archiveProject(facts, project),
  }),
  commandHandler({
    ...aggregate,
    ...reservesProject,
    command: RestoreProject,
    decide: (_: RestoreProject, project: Project, facts: ProjectFacts) => restoreProject(facts, project),
  }),
  commandHandler({
    ...aggregate,
    command: ReleaseProject,
    readFacts: noFacts,
    decide: ({ input }: ReleaseProject, project: Project) => releaseProject(input.teamId, project),
  }),
];
