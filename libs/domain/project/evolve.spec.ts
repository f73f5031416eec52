import type { ProjectEvent } from './events';
import { projectFold } from './evolve';

const details = { name: 'Website', description: 'The new one', teamId: 'team' };
const created: ProjectEvent = { type: 'ProjectCreated', data: details };
const archived: ProjectEvent = { type: 'ProjectArchived', data: {} };

const stateAfter = (...events: readonly ProjectEvent[]) => events.reduce(projectFold.evolve, projectFold.initial);

describe('the state of a project', () => {
  it('belongs to the stream category project', () => expect(projectFold.aggregate).toBe('project'));
  it('is active after the creation, and has its details', () =>
    expect(stateAfter(created)).toEqual({ status: 'active', ...details }));
  it('has the details of the last change', () => {
    const changed: ProjectEvent = { type: 'ProjectChanged', data: { ...details, name: 'Shop', teamId: null } };
    expect(stateAfter(created, archived, changed)).toEqual({
      ...details,
      status: 'archived',
      name: 'Shop',
      teamId: null,
    });
  });
  it('keeps its details when it is archived and restored', () => {
    expect(stateAfter(created, archived)).toEqual({ status: 'archived', ...details });
    expect(stateAfter(created, archived, { type: 'ProjectRestored', data: {} })).toEqual({
      status: 'active',
      ...details,
    });
  });
  it('must begin with ProjectCreated', () =>
    expect(() => stateAfter(archived)).toThrow('the stream does not begin with ProjectCreated'));
  it('cannot be built from an event that this release does not know', () =>
    expect(() => stateAfter(created, { type: 'ProjectPainted', data: {} } as never)).toThrow(
      'this release does not know the event ProjectPainted; run the release that wrote it',
    ));
});
