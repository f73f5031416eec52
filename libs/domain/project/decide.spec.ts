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

const factsWith = (facts: Partial<ProjectRuleFacts> = {}): ProjectRuleFacts => ({
  role: 'member',
  teamExists: true,
  ...facts,
});
const stranger = factsWith({ role: undefined });
const auditor = factsWith({ role: 'auditor' });

const create =
  (facts = factsWith(), creation = details) =>
  (project: Project) =>
    createProject(creation, facts, project);
const change =
  (changed: Partial<ProjectDetails>, facts = factsWith()) =>
  (project: Project) =>
    changeProject({ by: 'user', projectId: 'project', ...changed } satisfies ProjectChange, facts, project);
const archive =
  (facts = factsWith()) =>
  (project: Project) =>
    archiveProject(facts, project);
const restore =
  (facts = factsWith()) =>
  (project: Project) =>
    restoreProject(facts, project);
const release = (teamId: string) => (project: Project) => releaseProject(teamId, project);

describe('creating a project', () => {
  it.each<Role>(['owner', 'admin', 'member'])('is allowed to the role %s', (role) =>
    given()
      .when(create(factsWith({ role })))
      .thenHappened(projectCreated),
  );
  it('is forbidden to an auditor', () => given().when(create(auditor)).thenRefused('forbidden'));
  it('is refused with not-found if the sender is not a member', () =>
    given().when(create(stranger)).thenRefused('not-found'));
  it('is refused for a team that the tenant does not have', () =>
    given()
      .when(create(factsWith({ teamExists: false })))
      .thenRefused('conflict', 'There is no such team in this tenant.'));
  it('works without a team', () =>
    given()
      .when(create(factsWith({ teamExists: false }), { ...details, teamId: null }))
      .thenHappened({ type: 'ProjectCreated', data: { ...details, teamId: null } }));
  it('is refused if the project exists', () =>
    given(projectCreated).when(create()).thenRefused('conflict', 'A project with this id already exists.'));
  it('is refused while the tenant is locked', () =>
    given()
      .when(create(factsWith({ standing: { kind: 'locked', reason: 'payment-failed', suspendAt: '' } })))
      .thenRefused('workspace-locked'));
});

describe('changing a project', () => {
  it('records all details, and keeps those that are left out', () =>
    given(projectCreated)
      .when(change({ name: 'Shop' }))
      .thenHappened({ type: 'ProjectChanged', data: { ...details, name: 'Shop' } }));
  it('empties a description', () =>
    given(projectCreated)
      .when(change({ description: '' }))
      .thenHappened({ type: 'ProjectChanged', data: { ...details, description: '' } }));
  it('moves it to another team', () =>
    given(projectCreated)
      .when(change({ teamId: 'other' }))
      .thenHappened({ type: 'ProjectChanged', data: { ...details, teamId: 'other' } }));
  it('removes it from its team', () =>
    given(projectCreated)
      .when(change({ teamId: null }))
      .thenHappened({ type: 'ProjectChanged', data: { ...details, teamId: null } }));
  it('is refused for a team that does not exist', () =>
    given(projectCreated)
      .when(change({ teamId: 'other' }, factsWith({ teamExists: false })))
      .thenRefused('conflict'));
  it('does not check the team that it already belongs to', () =>
    given(projectCreated)
      .when(change({ teamId: 'team', name: 'Shop' }, factsWith({ teamExists: false })))
      .thenHappened({ type: 'ProjectChanged', data: { ...details, name: 'Shop' } }));
  it('adds no event for the present details', () => given(projectCreated).when(change(details)).thenNothing());
  it('adds an event for the change back, too', () =>
    given(projectCreated, { type: 'ProjectChanged', data: { ...details, name: 'Shop' } })
      .when(change({ name: 'Website' }))
      .thenHappened({ type: 'ProjectChanged', data: details }));
  it('is refused while the project is archived', () =>
    given(projectCreated, projectArchived)
      .when(change({ name: 'Shop' }))
      .thenRefused('conflict', 'The project is archived. Restore it first.'));
  it('works again after the project was restored', () =>
    given(projectCreated, projectArchived, projectRestored)
      .when(change({ name: 'Shop' }))
      .thenHappened({ type: 'ProjectChanged', data: { ...details, name: 'Shop' } }));
  it('is forbidden to an auditor', () =>
    given(projectCreated)
      .when(change({ name: 'Shop' }, auditor))
      .thenRefused('forbidden'));
  it('is refused with not-found if the sender is not a member', () =>
    given(projectCreated)
      .when(change({ name: 'Shop' }, stranger))
      .thenRefused('not-found', 'There is no such tenant.'));
  it('is refused with not-found if there is no such project', () =>
    given()
      .when(change({ name: 'Shop' }))
      .thenRefused('not-found', 'There is no such project.'));
});

describe('archiving and restoring a project', () => {
  it('records the archiving', () => given(projectCreated).when(archive()).thenHappened(projectArchived));
  it('adds no event if the project is already archived', () =>
    given(projectCreated, projectArchived).when(archive()).thenNothing());
  it('records the restoring', () =>
    given(projectCreated, projectArchived).when(restore()).thenHappened(projectRestored));
  it('adds no event for the restoring of a project that is not archived', () =>
    given(projectCreated).when(restore()).thenNothing());
  it.each([
    ['archive', archive],
    ['restore', restore],
  ])(
    '%s is forbidden to an auditor, and is refused with not-found for a user who is not a member or without a project',
    (_, command) => {
      given(projectCreated).when(command(auditor)).thenRefused('forbidden');
      given(projectCreated).when(command(stranger)).thenRefused('not-found');
      given().when(command()).thenRefused('not-found');
    },
  );
});

describe('releasing a project from a deleted team', () => {
  const released: ProjectEvent = { type: 'ProjectChanged', data: { ...details, teamId: null } };
  it('leaves it without a team', () => given(projectCreated).when(release('team')).thenHappened(released));
  it('works while the project is archived', () =>
    given(projectCreated, projectArchived).when(release('team')).thenHappened(released));
  it('adds no event if the project belongs to another team by now, to none, or does not exist', () => {
    given(projectCreated).when(release('other')).thenNothing();
    given(projectCreated, released).when(release('team')).thenNothing();
    given().when(release('team')).thenNothing();
  });
});
