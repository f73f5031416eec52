import { randomUUID } from 'node:crypto';
import type { Pool } from 'pg';
import { createPool } from '#platform/database/connections/pools';
import { roleNames } from '#platform/database/roles/roles';
import { installProjections } from '#projecting/versions/install';
import { projections } from '#projections/index';
import { createTestDatabase, type TestDatabase } from '#testing/database';
import { checkHistory } from './checker';
import type { Outcome, Tenant } from './client';

const [FIRST, SECOND, THIRD] = ['First name', 'Second name', 'Third name'] as const;
const [PROJECT, TASK] = ['The project', 'The task'] as const;
const ok: Outcome = { kind: 'ok', version: 0, span: { sentAt: 49, answeredAt: 50 } };

/** The other tests of this folder depend on it: it must complain about every error. */
describe('the history checker', () => {
  let database: TestDatabase;
  let owner: Pool;
  let position = 0;

  beforeAll(async () => {
    database = await createTestDatabase();
    owner = createPool({ url: database.urls.owner, max: 2, applicationName: 'test' });
    const projector = createPool({ url: database.urls.projector, max: 1, applicationName: 'test' });
    await installProjections(projector, projections, roleNames(database.rolePrefix));
    await projector.end();
  });

  beforeEach(() =>
    owner.query(
      'truncate event_log.events, read_model.tenants, read_model.members, read_model.projects, read_model.tasks, identity.users cascade',
    ),
  );

  afterAll(async () => {
    await owner.end();
    await database.drop();
  });

  const appendEvent = (
    aggregate: string,
    id: string,
    version: number,
    type: string,
    data: object,
    tenantId: string | null | undefined = aggregate === 'tenant' ? id : null,
  ): Promise<unknown> =>
    owner.query(
      `insert into event_log.events (position, recorded_at, command_id, aggregate_id, tenant_id, version, ordinal,
         schema_version, actor_kind, aggregate, type, data)
       values ($1, now(), $2, $3, $4, $5, 0, 1, 'y', $6, $7, $8)`,
      [++position, randomUUID(), id, tenantId, version, aggregate, type, data],
    );
  const rename = ({ tenantId }: Tenant, version: number, name: string): Promise<unknown> =>
    appendEvent('tenant', String(tenantId), version, 'TenantRenamed', { name });
  /** Updates the read model. */
  const showName = ({ tenantId }: Tenant, version: number, name: string): Promise<unknown> =>
    owner.query('update read_model.tenants set name = $2, version = $3 where tenant_id = $1', [
      tenantId,
      name,
      version,
    ]);

  /** A project or a task, in the log and in its read model. */
  const create = async ({ tenantId }: Tenant, kind: 'project' | 'task', name: string): Promise<void> => {
    const id = randomUUID();
    const [type, data] = kind === 'project' ? ['ProjectCreated', { name }] : ['TaskCreated', { title: name }];
    await appendEvent(kind, id, 1, type, data, tenantId);
    await owner.query(
      kind === 'project'
        ? `insert into read_model.projects (tenant_id, project_id, name, description, archived, version)
           values ($1, $2, $3, '', false, 1)`
        : `insert into read_model.tasks (tenant_id, task_id, project_id, title, description, status, version)
           values ($1, $2, $2, $3, '', 'open', 1)`,
      [tenantId, id, name],
    );
  };

  /** A tenant without errors that was signed up, was renamed twice and has one project. */
  const correctTenant = async (): Promise<Tenant> => {
    const [tenantId, userId] = [randomUUID(), randomUUID()];
    const email = `${userId}@example.com`;
    const tenant: Tenant = {
      ...{ email, tenantId, companyName: 'Acme', signUp: 'ok', span: { sentAt: 9, answeredAt: 10 } },
      renames: [
        { name: FIRST, outcome: ok },
        { name: SECOND, outcome: { kind: 'unknown' } },
      ],
      creations: [
        { kind: 'project', name: PROJECT, id: randomUUID(), outcome: ok },
        { kind: 'task', name: TASK, id: undefined, outcome: { kind: 'unknown' } },
      ],
    };
    await owner.query(
      `insert into identity.users (id, email, email_key, name, password_hash, state)
       values ($1, $2, $2, 'Ada', '', 'active')`,
      [userId, email],
    );
    await appendEvent('tenant', tenantId, 1, 'TenantCreated', { name: 'Acme', ownerId: userId });
    await appendEvent('user', userId, 1, 'UserRegistered', {});
    await owner.query(
      `insert into read_model.tenants (tenant_id, name, slug, plan, lock, version)
       values ($1, 'Acme', 'acme', 'free', 'none', 1)`,
      [tenantId],
    );
    await owner.query(
      `insert into read_model.members (tenant_id, user_id, role, joined_at, joined_position, version)
       values ($1, $2, 'owner', now(), 1, 1)`,
      [tenantId, userId],
    );
    await rename(tenant, 2, FIRST);
    await rename(tenant, 3, SECOND);
    await showName(tenant, 3, SECOND);
    await create(tenant, 'project', PROJECT);
    return tenant;
  };

  it('has no complaint if the log explains every answer, and every request without an answer', async () => {
    expect(await checkHistory(owner, [await correctTenant(), await correctTenant()])).toEqual({
      complaints: [],
      lost: [],
    });
  });

  const errors: [string, (tenant: Tenant) => Promise<unknown>, RegExp][] = [
    [
      'a rename that was acknowledged and is lost',
      async (it) => it.renames.push({ name: THIRD, outcome: ok }),
      /lost "Third name", which was acknowledged/,
    ],
    [
      'an event that is in the log twice',
      async (it) => {
        await rename(it, 4, SECOND);
        await showName(it, 4, SECOND);
      },
      /doubled "Second name"/,
    ],
    [
      'an event of a request that was refused',
      async (it) => {
        it.renames.push({ name: THIRD, outcome: { kind: 'refused', status: 409 } });
        await rename(it, 4, THIRD);
        await showName(it, 4, THIRD);
      },
      /was refused "Third name" and has it/,
    ],
    [
      'a refusal that nothing explains',
      async (it) => it.renames.push({ name: THIRD, outcome: { kind: 'refused', status: 403 } }),
      /was refused "Third name" with 403, for no reason/,
    ],
    [
      'an event that no client requested',
      async (it) => {
        await rename(it, 4, THIRD);
        await showName(it, 4, THIRD);
      },
      /has an event that no client requested: Third name/,
    ],
    [
      'events in another order than the requests',
      async (it) => {
        it.renames.reverse();
      },
      /has "Second name" out of order at 3/,
    ],
    [
      'a missing version in a stream',
      async ({ tenantId }) =>
        owner.query('delete from event_log.events where aggregate_id = $1 and version = 2', [tenantId]),
      /has a hole before version 3/,
    ],
    [
      'a read model that is stale',
      async (it) => showName(it, 2, FIRST),
      /is at "Second name" \(3\) in the log and at "First name" \(2\) in the read model/,
    ],
    [
      'a read model without the tenant',
      async ({ tenantId }) => owner.query('delete from read_model.tenants where tenant_id = $1', [tenantId]),
      /at "undefined" \(undefined\) in the read model/,
    ],
    [
      'a sign-up without its user in the log',
      async () => owner.query(`delete from event_log.events where type = 'UserRegistered'`),
      /the sign-up of .* is incomplete/,
    ],
    [
      'a project that was acknowledged and is lost',
      async () => owner.query(`delete from event_log.events where type = 'ProjectCreated'`),
      /lost "The project", which was acknowledged/,
    ],
    [
      'a task that no client requested',
      async (it) => create(it, 'task', 'Another task'),
      /has an event that no client requested: Another task/,
    ],
    [
      'a task that is in the log twice',
      async (it) => {
        await create(it, 'task', TASK);
        await create(it, 'task', TASK);
      },
      /doubled "The task"/,
    ],
    [
      'a project that its read model lacks',
      async () => owner.query('delete from read_model.projects'),
      /has "The project" in the log and not in the read model/,
    ],
    [
      'a sign-up that stayed pending',
      async () => owner.query(`update identity.users set state = 'pending'`),
      /the sign-up of .* is incomplete/,
    ],
    [
      'a tenant without its owner',
      async ({ email }) => owner.query('delete from identity.users where email = $1', [email]),
      /was signed up and is missing\n1 tenants have no owner/,
    ],
    [
      'a sign-up that was acknowledged and is lost',
      async ({ tenantId }) => owner.query('delete from event_log.events where aggregate_id = $1', [tenantId]),
      /was signed up and is not in the log/,
    ],
  ];

  it.each(errors)('complains about %s', async (_, introduceError, complaint) => {
    const [, tenant] = [await correctTenant(), await correctTenant()];
    await introduceError(tenant);
    expect((await checkHistory(owner, [tenant])).complaints.join('\n')).toMatch(complaint);
  });

  it('lists writes that a failover lost, and complains about those that were acknowledged outside of its window', async () => {
    const tenant = await correctTenant();
    const later: Outcome = { kind: 'ok', version: 0, span: { sentAt: 61, answeredAt: 62 } };
    tenant.renames.push({ name: THIRD, outcome: ok });
    tenant.creations.push({ kind: 'task', name: 'Another task', id: randomUUID(), outcome: later });
    const { complaints, lost } = await checkHistory(owner, [tenant], [{ from: 40, to: 60 }]);
    expect(lost).toEqual([`${tenant.tenantId} lost "Third name", which was acknowledged`]);
    expect(complaints).toEqual([`${tenant.tenantId} lost "Another task", which was acknowledged`]);
  });

  it('lists a tenant that a failover lost completely, and checks nothing else of it', async () => {
    const tenant = await correctTenant();
    tenant.renames.push({ name: THIRD, outcome: { kind: 'refused', status: 401 } });
    await owner.query('delete from event_log.events');
    await owner.query('delete from identity.users');
    expect(await checkHistory(owner, [tenant], [{ from: 0, to: 20 }])).toEqual({
      complaints: [],
      lost: [`${tenant.tenantId} was signed up and is not in the log`],
    });
  });
});
