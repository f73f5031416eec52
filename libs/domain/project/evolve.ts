import { matchesOneSample } from '../shape';
import { unknownEvent } from '../unknown-event';
import type { ProjectDetails, ProjectEvent } from './events';

/** The state of a project that its rules need. It is plain data, because snapshots store it. */
export type Project = { readonly status: 'absent' } | ({ readonly status: 'active' | 'archived' } & ProjectDetails);

type Present = Exclude<Project, { status: 'absent' }>;

const present = (project: Project): Present => {
  if (project.status === 'absent') throw new Error('the stream does not begin with ProjectCreated');
  return project;
};

const evolve = (project: Project, event: ProjectEvent): Project => {
  switch (event.type) {
    case 'ProjectCreated':
      return { status: 'active', ...event.data };
    case 'ProjectChanged':
      return { ...present(project), ...event.data };
    case 'ProjectArchived':
      return { ...present(project), status: 'archived' };
    case 'ProjectRestored':
      return { ...present(project), status: 'active' };
    default:
      return unknownEvent(event);
  }
};

/** One sample of each status, to check a state that is read from a snapshot. */
const SAMPLES: readonly Project[] = [
  { status: 'absent' },
  { status: 'active', name: '', description: '', teamId: null },
  { status: 'archived', name: '', description: '', teamId: null },
];

/** Builds the state of a project from its events. */
export const projectFold = {
  aggregate: 'project',
  foldVersion: 1,
  initial: { status: 'absent' } as Project,
  evolve,
  isState: (value: unknown): value is Project => matchesOneSample(value, 'status', SAMPLES),
};
