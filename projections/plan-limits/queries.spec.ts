import type { Pool } from 'pg';
import { createPool } from '#platform/database/connections/pools';
import { roleNames } from '#platform/database/roles/roles';
import { createScopedDb } from '#platform/database/scoped/scoped-db';
import { installProjections } from '#projecting/versions/install';
import { createTestDatabase, type TestDatabase } from '#testing/database';
import { explainQuery, scansOf } from '#testing/explained';
import { invitationsProjection } from '../invitations/projection';
import { planLimitsProjection } from './projection';
import { findUsage } from './queries';

const TENANT = '01930000-0000-7000-8000-000000000007';
const TASKS = 50_000;

describe('the use of a plan', () => {
  let database: TestDatabase;
  let app: Pool;

  beforeAll(async () => {
    database = await createTestDatabase();
    const open = (url: string): Pool => createPool({ url, max: 1, applicationName: 'test' });
    const [projector, owner] = [open(database.urls.projector), open(database.urls.owner)];
    app = open(database.urls.app);
    const projections = [planLimitsProjection, invitationsProjection];
    await installProjections(projector, projections, roleNames(database.rolePrefix));
    await owner.query(`
      insert into read_model.plan_units (tenant_id, unit_id, scope_id, command_id)
      select '${TENANT}', gen_random_uuid(), md5((n % 100)::text)::uuid, gen_random_uuid()
      from generate_series(1, ${TASKS}) as n`);
    await owner.query(`
      insert into read_model.plan_tasks (tenant_id, project_id, tasks)
      select '${TENANT}', md5(n::text)::uuid, n from generate_series(0, 999) as n`);
    await owner.query(`insert into read_model.plan_counts values ('${TENANT}', 20000, 500, 1000)`);
    await owner.query(`
      insert into read_model.invitations (tenant_id, invitation_id, role, max_uses, uses, expires_at, revoked, email_domains, invited_by)
      select '${TENANT}', gen_random_uuid(), 'member', 1, case when n < 4 then 0 else n % 2 end,
        now() + case when n < 4 then interval '1 day' else interval '-1 day' end, false, '[]', gen_random_uuid()
      from generate_series(0, 4999) as n`);
    await owner.query('vacuum analyze read_model.plan_units, read_model.plan_tasks, read_model.invitations');
    await Promise.all([projector.end(), owner.end()]);
  });

  afterAll(async () => {
    await app.end();
    await database.drop();
  });

  it('is returned for a large tenant', async () => {
    expect(await findUsage(createScopedDb(app).tenant(TENANT))).toEqual({
      ...{ plan: null, limits: null, seats: 20_000, teams: 500, projects: 1_000 },
      ...{ tasksPerProject: 999, openInvitations: 4, apiCalls: 0 },
    });
  });

  it('is read without counting: only open invitations and one row of each stored number are read', async () => {
    const db = createScopedDb(app).tenant(TENANT);
    const nodes = await explainQuery(db, (spy) => findUsage(spy).catch(() => undefined));
    expect(scansOf(nodes)).toEqual(expect.arrayContaining(['plan_tasks_most_idx', 'invitations_open_idx']));
    for (const node of nodes) expect(node['Actual Rows']).toBeLessThanOrEqual(4);
  });
});
