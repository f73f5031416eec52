import { specificationOf } from '#testing/given-when-then';
import type { Role } from '../tenant/roles';
import {
  archiveProject,
  changeProject,
  createProject,
  type ProjectChange,
  type ProjectRuleFacts,
  releaseProject,
  restoreProject,
} from './decide';
import type { ProjectDetails, ProjectEvent } from './events';
import { type Project, projectFold } from './evolve';

const { given } = specificationOf(projectFold);

const details: ProjectDetails = { name: 'Website', description: 'The new one', teamId: 'team' };
const projectCreated: ProjectEvent = { type: 'ProjectCreated', data: details };
const projectArchived: ProjectEvent = { type: 'ProjectArchived', data: {} };
const projectRestored: ProjectEvent = { type: 'ProjectRestored', data: {} };

const among = (surroundings: Partial<ProjectRuleFacts> = {}): ProjectRuleFacts => ({
  role: 'member',
  teamExists: true,
  ...surroundings,
});
const stranger = among({ role: undefined });
const auditor = among({ role: 'auditor' });

const create =
  (surroundings = among(), creation = details) =>
  (project: Project) =>
    createProject(creation, surroundings, project);
const change =
  (wanted: Partial<ProjectDetails>, surroundings = among()) =>
  (project: Project) =>
    changeProject({ by: 'user', projectId: 'project', ...wanted } satisfies ProjectChange, surroundings, project);
const archive =
  (surroundings = among()) =>
  (project: Project) =>
    archiveProject(surroundings, project);
const restore =
  (surroundings = among()) =>
  (project: Project) =>
    restoreProject(surroundings, project);
const release = (teamId: string) => (project: Project) => releaseProject(teamId, project);

describe('creating a project', () => {
  it.each<Role>(['owner', 'admin', 'member'])('is for everybody who works: %s', (role) =>
    given()
      .when(create(among({ role })))
      .thenHappened(projectCreated),
  );
  it('is forbidden to auditors', () => given().when(create(auditor)).thenRefused('forbidden'));
  it('is about nothing for a stranger', () => given().when(create(stranger)).thenRefused('not-found'));
  it('needs a team of the tenant', () =>
    given()
      .when(create(among({ teamExists: false })))
      .thenRefused('conflict'));
  it('needs no team', () =>
    given()
      .when(create(among({ teamExists: false }), { ...details, teamId: null }))
      .thenHappened({ type: 'ProjectCreated', data: { ...details, teamId: null } }));
  it('is refused where it exists', () => given(projectCreated).when(create()).thenRefused('conflict'));
});

describe('changing a project', () => {
  it('records all details, and keeps what is not named', () =>
    given(projectCreated)
      .when(change({ name: 'Shop' }))
      .thenHappened({ type: 'ProjectChanged', data: { ...details, name: 'Shop' } }));
  it('empties a description', () =>
    given(projectCreated)
      .when(change({ description: '' }))
      .thenHappened({ type: 'ProjectChanged', data: { ...details, description: '' } }));
  it('gives it to another team', () =>
    given(projectCreated)
      .when(change({ teamId: 'other' }))
      .thenHappened({ type: 'ProjectChanged', data: { ...details, teamId: 'other' } }));
  it('takes it from its team', () =>
    given(projectCreated)
      .when(change({ teamId: null }))
      .thenHappened({ type: 'ProjectChanged', data: { ...details, teamId: null } }));
  it('to a team that there is not is refused', () =>
    given(projectCreated)
      .when(change({ teamId: 'other' }, among({ teamExists: false })))
      .thenRefused('conflict'));
  it('does not ask for a team that it has already', () =>
    given(projectCreated)
      .when(change({ teamId: 'team', name: 'Shop' }, among({ teamExists: false })))
      .thenHappened({ type: 'ProjectChanged', data: { ...details, name: 'Shop' } }));
  it('to what it is already is nothing', () => given(projectCreated).when(change(details)).thenNothing());
  it('back and forth is two facts', () =>
    given(projectCreated, { type: 'ProjectChanged', data: { ...details, name: 'Shop' } })
      .when(change({ name: 'Website' }))
      .thenHappened({ type: 'ProjectChanged', data: details }));
  it('is refused while it is archived', () =>
    given(projectCreated, projectArchived)
      .when(change({ name: 'Shop' }))
      .thenRefused('conflict'));
  it('continues once it is restored', () =>
    given(projectCreated, projectArchived, projectRestored)
      .when(change({ name: 'Shop' }))
      .thenHappened({ type: 'ProjectChanged', data: { ...details, name: 'Shop' } }));
  it('is forbidden to auditors', () =>
    given(projectCreated)
      .when(change({ name: 'Shop' }, auditor))
      .thenRefused('forbidden'));
  it('is about nothing for a stranger', () =>
    given(projectCreated)
      .when(change({ name: 'Shop' }, stranger))
      .thenRefused('not-found'));
  it('finds nothing where there is none', () =>
    given()
      .when(change({ name: 'Shop' }))
      .thenRefused('not-found'));
});

describe('archiving and restoring a project', () => {
  it('puts it away', () => given(projectCreated).when(archive()).thenHappened(projectArchived));
  it('twice is once', () => given(projectCreated, projectArchived).when(archive()).thenNothing());
  it('takes it up again', () => given(projectCreated, projectArchived).when(restore()).thenHappened(projectRestored));
  it('has nothing to restore where it is not archived', () => given(projectCreated).when(restore()).thenNothing());
  it.each([
    ['archive', archive],
    ['restore', restore],
  ])('%s is forbidden to auditors, and finds nothing for strangers or where there is none', (_, command) => {
    given(projectCreated).when(command(auditor)).thenRefused('forbidden');
    given(projectCreated).when(command(stranger)).thenRefused('not-found');
    given().when(command()).thenRefused('not-found');
  });
});

describe('releasing a project from a team that is no more', () => {
  const released: ProjectEvent = { type: 'ProjectChanged', data: { ...details, teamId: null } };
  it('makes it nobody’s in particular', () => given(projectCreated).when(release('team')).thenHappened(released));
  it('does so while it is archived', () =>
    given(projectCreated, projectArchived).when(release('team')).thenHappened(released));
  it('leaves alone what is another team’s by now, and what does not exist', () => {
    given(projectCreated).when(release('other')).thenNothing();
    given(projectCreated, released).when(release('team')).thenNothing();
    given().when(release('team')).thenNothing();
  });
});
