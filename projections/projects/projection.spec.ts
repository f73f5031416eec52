import { project, recorded } from '#testing/given-when-then';
import { projectsProjection } from './projection';

const tenantId = '01a20000-0000-7000-8000-000000000001';
const stream = { tenantId, aggregate: 'project', id: '01a20000-0000-7000-8000-000000000002' };
const teamId = '01a20000-0000-7000-8000-000000000003';
const details = { name: 'Website', description: 'The new one', teamId };
const key = { tenant_id: tenantId, project_id: stream.id };
const row = { ...key, name: 'Website', description: 'The new one', team_id: teamId, archived: false, version: 1 };

const created = recorded({ stream, type: 'ProjectCreated', data: details });
const changed = recorded({
  stream,
  version: 2,
  type: 'ProjectChanged',
  data: { name: 'Shop', description: '', teamId: null },
});
const archived = recorded({ stream, version: 3, type: 'ProjectArchived', data: {} });
const restored = recorded({ stream, version: 4, type: 'ProjectRestored', data: {} });

describe('the projects read model', () => {
  it('has a row for each project', () => project(projectsProjection, created).thenRows('projects', row));
  it('shows the last name, description and team, and the version of that change', () =>
    project(projectsProjection, created, changed).thenRows('projects', {
      ...row,
      ...{ name: 'Shop', description: '', team_id: null, version: 2 },
    }));
  it('keeps archived projects, which are marked until they are restored', () => {
    project(projectsProjection, archived).thenPatched('projects', key, { archived: true, version: 3 });
    project(projectsProjection, archived, restored).thenPatched('projects', key, { archived: false, version: 4 });
  });
});
