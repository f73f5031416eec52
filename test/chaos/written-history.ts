import { randomUUID } from 'node:crypto';
import { createPool } from '#platform/database/connections/pools';
import { roleNames } from '#platform/database/roles/roles';
import { installProjections } from '#projecting/versions/install';
import { projections } from '#projections/index';
import { createTestDatabase } from '#testing/database';
import type { Outcome, Tenant } from './client';

export const [FIRST, SECOND, THIRD] = ['First name', 'Second name', 'Third name'] as const;
const PROJECT = 'The project';
export const TASK = 'The task';
export const ok: Outcome = { kind: 'ok', version: 0, span: { sentAt: 49, answeredAt: 50 } };

/** Opens a database in which a test writes the log and the read models itself, to put errors into them. */
export const openWrittenHistory = async () => {
  const database = await createTestDatabase();
  const owner = createPool({ url: database.urls.owner, max: 2, applicationName: 'test' });
  const projector = createPool({ url: database.urls.projector, max: 1, applicationName: 'test' });
  await installProjections(projector, projections, roleNames(database.rolePrefix));
  await projector.end();
  let position = 0;

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

  return {
    ...{ owner, rename, showName, create, correctTenant },
    clear: () =>
      owner.query(
        'truncate event_log.events, read_model.tenants, read_model.members, read_model.projects, read_model.tasks, identity.users cascade',
      ),
    close: async (): Promise<void> => {
      await owner.end();
      await database.drop();
    },
  };
};
export type WrittenHistory = Awaited<ReturnType<typeof openWrittenHistory>>;
