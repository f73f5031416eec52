import type { Pool } from 'pg';
import { createPool } from '#platform/database/connections/pools';
import { roleNames } from '#platform/database/roles/roles';
import { createScopedDb, type Queries, type ScopedDb } from '#platform/database/scoped/scoped-db';
import { installProjections } from '#projecting/versions/install';
import { createTestDatabase, type TestDatabase } from '#testing/database';
import { explainQuery, indexesOf, scansOf } from '#testing/explained';
import { membersProjection } from '../members/projection';
import { findMember, listMembers, membershipsOf, tenantsOf } from '../members/queries';
import { teamsProjection } from '../teams/projection';
import { findTeam, listTeams } from '../teams/queries';
import { tenantsProjection } from '../tenants/projection';
import { findTenant } from '../tenants/queries';
import { invitationsProjection } from './projection';
import { findInvitation, findInvitationOfToken, listInvitations } from './queries';

const id = (n: number): string => `01930000-0000-7000-8000-${n.toString(16).padStart(12, '0')}`;
const idOf = (number: string): string => `('01930000-0000-7000-8000-' || lpad(to_hex(${number}), 12, '0'))::uuid`;

const TENANTS = 40;
const ROWS = 20_000;

/** The rows of one tenant among many, as its members and the holders of an invitation see them. */
describe('the read models of a tenant', () => {
  let database: TestDatabase;
  let app: Pool;
  let db: ScopedDb;

  beforeAll(async () => {
    database = await createTestDatabase();
    const open = (url: string): Pool => createPool({ url, max: 1, applicationName: 'test' });
    const [projector, owner] = [open(database.urls.projector), open(database.urls.owner)];
    app = open(database.urls.app);
    db = createScopedDb(app);
    const installed = [tenantsProjection, membersProjection, invitationsProjection, teamsProjection];
    await installProjections(projector, installed, roleNames(database.rolePrefix));
    const each = `from generate_series(0, ${ROWS - 1}) as n`;
    const own = `${idOf(`n % ${TENANTS}`)}, ${idOf('n')}`;
    await owner.query(`
      insert into read_model.tenants (tenant_id, name, slug, plan, lock, version)
        select ${idOf('n')}, 'Acme ' || n, 'acme', 'free', 'none', 1 from generate_series(0, 1999) as n;
      insert into identity.users (id, email, email_key, name, password_hash)
        select ${idOf('n')}, n || '@acme.example', n || '@acme.example', 'User ' || n, '' ${each};
      insert into read_model.companies (tenant_id, name, slug) select tenant_id, name, slug from read_model.tenants;
      insert into read_model.members (tenant_id, user_id, role, joined_at, joined_position, version)
        select ${own}, 'member', now(), n, 1 ${each};
      insert into read_model.memberships (tenant_id, user_id, role, joined_position) select ${own}, 'member', n ${each};
      insert into read_model.memberships (tenant_id, user_id, role, joined_position)
        values ('${id(9)}', '${id(47)}', 'auditor', 3);
      insert into read_model.invitations (tenant_id, invitation_id, role, max_uses, uses, expires_at, revoked,
          email_domains, invited_by)
        select ${own}, 'member', 1, 0, now(), false, '["acme.example"]', ${idOf('n')} ${each};
      insert into read_model.invitation_tokens (token_hash, tenant_id, invitation_id)
        select 'hash ' || n, ${own} ${each};
      insert into read_model.teams (tenant_id, team_id, name, version) select ${own}, 'Team ' || n, 1 ${each};
      insert into read_model.team_members (tenant_id, team_id, user_id)
        select ${own}, ${idOf('n + member')} ${each}, generate_series(1, 2) as member`);
    await owner.query('analyze');
    await Promise.all([projector.end(), owner.end()]);
  });

  afterAll(async () => {
    await app.end();
    await database.drop();
  });

  const tenant = () => db.tenant(id(7));

  it('list invitations by one statement and one index, and read no other row', async () => {
    const nodes = await explainQuery(tenant(), (spy) => listInvitations(spy, undefined, 11));
    expect(scansOf(nodes)).toEqual(['invitations_pkey']);
    for (const node of nodes) expect(node['Actual Rows']).toBeLessThanOrEqual(11);
  });

  it('list members by one statement and one index, and their names by another index', async () => {
    const nodes = await explainQuery(tenant(), (spy) => listMembers(spy, undefined, 11));
    expect(indexesOf(nodes)).toEqual(new Set(['members_joined_idx', 'users_pkey']));
    for (const node of nodes) expect(node['Actual Rows']).toBeLessThanOrEqual(11);
  });

  it('list teams by one statement and one index, and their members by another index', async () => {
    const nodes = await explainQuery(tenant(), (spy) => listTeams(spy, undefined, 11));
    expect(scansOf(nodes)).toEqual(['teams_pkey', 'team_members_pkey']);
    for (const node of nodes) expect(node['Actual Rows']).toBeLessThanOrEqual(11);
  });

  it.each([
    ['an invitation', (spy: Parameters<typeof findMember>[0]) => findInvitation(spy, id(47)), ['invitations_pkey']],
    ['a team', (spy: Parameters<typeof findMember>[0]) => findTeam(spy, id(47)), ['teams_pkey', 'team_members_pkey']],
  ])('find %s by its key', async (_, find, indexes) => {
    const nodes = await explainQuery(tenant(), find);
    expect(scansOf(nodes)).toEqual(indexes);
    for (const node of nodes) expect(node['Actual Rows']).toBeLessThanOrEqual(2);
  });

  it('find a member by one key, and the name by another', async () => {
    const nodes = await explainQuery(tenant(), (spy) => findMember(spy, id(47)));
    expect(indexesOf(nodes)).toEqual(new Set(['members_pkey', 'users_pkey']));
    for (const node of nodes) expect(node['Actual Rows']).toBeLessThanOrEqual(1);
  });

  it('repeat the query for the name of a member who was added between its two statements', async () => {
    const row = { ...{ userId: id(47), role: 'member', joinedAt: new Date(), joinedPosition: '47', version: 1 } };
    const answers = [
      { name: null, email: null },
      { name: 'Mia', email: 'mia@acme.example' },
    ];
    const queries = { query: async () => [{ ...row, ...answers.shift() }] } as unknown as Queries;
    expect(await listMembers({ ...tenant(), withUserNames: () => queries }, undefined, 11)).toEqual([
      { ...row, name: 'Mia', email: 'mia@acme.example' },
    ]);
    answers.push({ name: null, email: null }, { name: null, email: null });
    expect(await findMember({ ...tenant(), withUserNames: () => queries }, id(47))).toEqual({
      ...row,
      name: '',
      email: '',
    });
  });

  it('find the tenant by its key', async () => {
    const [scan] = scansOf(await explainQuery(tenant(), findTenant));
    expect(scan).toMatch(/^tenants_pkey/);
  });

  it('show a tenant its own rows alone', async () => {
    const [own, foreign] = [id(47), id(48)];
    expect(await findTenant(tenant())).toMatchObject({ id: id(7), name: 'Acme 7' });
    expect(await findMember(tenant(), own)).toMatchObject({
      userId: own,
      name: 'User 47',
      email: '47@acme.example',
    });
    const [newest] = await listMembers(tenant(), undefined, 1);
    expect(newest).toMatchObject({ userId: id(ROWS - TENANTS + 7), name: `User ${ROWS - TENANTS + 7}` });
    expect(await findInvitation(tenant(), own)).toMatchObject({ id: own, emailDomains: ['acme.example'] });
    expect(await findTeam(tenant(), own)).toMatchObject({ id: own, memberIds: [id(48), id(49)] });
    for (const find of [findMember, findInvitation, findTeam]) expect(await find(tenant(), foreign)).toBeUndefined();
    const lists = [await listInvitations(tenant(), undefined, 1_000), await listTeams(tenant(), undefined, 1_000)];
    const ids = Array.from({ length: ROWS / TENANTS }, (__, at) => id(ROWS - TENANTS + 7 - at * TENANTS));
    for (const rows of lists) expect(rows.map((row) => row.id)).toEqual(ids);
  });

  it('show a user their own tenants, in the order of joining', async () => {
    const tenants = await tenantsOf(db.user(id(47)));
    expect(tenants).toEqual([
      { tenantId: id(9), name: 'Acme 9', slug: 'acme', role: 'auditor' },
      { tenantId: id(7), name: 'Acme 7', slug: 'acme', role: 'member' },
    ]);
    expect(await membershipsOf(db.user(id(ROWS)))).toEqual([]);
  });

  it('show the holder of a token the invitation and its tenant, and nothing else', async () => {
    expect(await findInvitationOfToken(db, 'hash 47')).toMatchObject({
      ...{ id: id(47), tenantId: id(7), companyName: 'Acme 7', maxUses: 1, uses: 0, revoked: false },
    });
    for (const unknown of ['hash', 'hash 99999999', ''])
      expect(await findInvitationOfToken(db, unknown)).toBeUndefined();
    const holder = db.invitation('hash 47');
    const text = 'select invitation_id as id from read_model.invitation_tokens';
    expect(await holder.query({ name: 'seen-by-holder', text }, [])).toEqual([{ id: id(47) }]);
    for (const table of ['members', 'memberships', 'invitations', 'teams', 'team_members', 'tenants'])
      expect(await holder.query({ name: `seen-in-${table}`, text: `select 1 from read_model.${table}` }, [])).toEqual(
        [],
      );
  });

  it('show no rows in a scope to which the table does not belong', async () => {
    for (const table of ['memberships', 'invitation_tokens'])
      expect(await tenant().query({ name: `seen-in-${table}`, text: `select 1 from read_model.${table}` }, [])).toEqual(
        [],
      );
    for (const table of ['members', 'invitations', 'teams', 'team_members', 'tenants']) {
      const rows = await db
        .user(id(47))
        .query({ name: `seen-in-${table}`, text: `select 1 from read_model.${table}` }, []);
      expect([table, rows]).toEqual([table, []]);
    }
  });
});
