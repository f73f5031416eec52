import type { DomainEvent } from '#domain/events';
import { ROLES, type Role } from '#domain/tenant/roles';
import { uuidv7 } from '#platform/ids/uuid';
import { CLOSED, joined, paid } from '../support/facts';
import type { IdentityApp, SignedUp } from '../support/identity-app';
import type { Resource, ResourceIds } from './routes';

/** A tenant with one user in each role. Each has signed up, and has a token for the tenant. */
export interface Populated {
  readonly id: string;
  readonly tokens: Readonly<Record<Role, string>>;
  readonly users: Readonly<Record<Role, SignedUp>>;
}

/** Creates a tenant with a user in each role, and two paid invoices. */
export const populate = async (identity: IdentityApp): Promise<Populated> => {
  const users = {} as Record<Role, SignedUp>;
  for (const role of ROLES) users[role] = await identity.signUp();
  const { tenant, accessToken } = users.owner;
  const tokens = { owner: accessToken } as Record<Role, string>;
  for (const role of ROLES.filter((it) => it !== 'owner')) {
    await identity.appendEvents(tenant.id, joined(users[role].user.id, role));
    const request = { token: users[role].accessToken, payload: { tenantId: tenant.id } };
    tokens[role] = (await identity.request('POST', '/v1/sessions/switch', request)).json().accessToken;
    // Without an open tenant of their own, the user can be erased.
    await identity.appendEvents(users[role].tenant.id, CLOSED);
  }
  for (const invoice of [paid(), paid()]) await identity.appendEvents(tenant.id, invoice);
  return { id: tenant.id, tokens, users };
};

/** Random ids, of nothing that exists. */
export const randomIds = (): ResourceIds => ({
  ...{ tenant: uuidv7(), member: uuidv7(), team: uuidv7(), project: uuidv7() },
  ...{ task: uuidv7(), invitation: uuidv7(), session: uuidv7() },
});

/** Opens another session of the user in the tenant. @returns its id */
const openSession = async (identity: IdentityApp, { sent }: SignedUp, tenantId: string): Promise<string> => {
  const { email, password } = sent;
  const { accessToken } = (await identity.post('/v1/sessions', { email, password, tenantId })).json();
  const { data } = (await identity.get('/v1/sessions', accessToken)).json() as {
    data: { id: string; current: boolean }[];
  };
  return data.find(({ current }) => current)?.id ?? '';
};

/**
 * Creates one new resource of each kind in a tenant, so that one test does not change the resources of another. A
 * session is created only if `kinds` contains it; otherwise its id is random.
 */
export const createResources = async (
  identity: IdentityApp,
  tenant: Populated,
  role: Role,
  kinds: readonly Resource[],
): Promise<ResourceIds> => {
  const { id: tenantId } = tenant;
  const ids = { ...randomIds(), tenant: tenantId };
  const { member, team, project, task, invitation } = ids;
  const append = (aggregate: string, id: string, ...events: DomainEvent[]) =>
    identity.log.append({
      ...{ stream: { tenantId, aggregate, id }, expected: 'any', events },
      ...{ commandId: uuidv7(), actor: { kind: 'system' }, correlationId: 'test' },
    });
  await append('project', project, {
    type: 'ProjectCreated',
    data: { name: 'Website', description: '', teamId: team },
  });
  const details = { projectId: project, title: 'Choose a colour', description: '', assigneeId: null, dueOn: null };
  await append('task', task, { type: 'TaskCreated', data: details });
  await append(
    'tenant',
    tenantId,
    joined(member, 'member'),
    { type: 'TeamCreated', data: { teamId: team, name: `Team ${team}` } },
    { type: 'TeamMemberAdded', data: { teamId: team, userId: member } },
  );
  await identity.appendEvents(tenantId, {
    type: 'MemberInvited',
    data: {
      ...{ invitationId: invitation, role: 'member', maxUses: 1, expiresAt: '2100-01-01T00:00:00.000Z' },
      ...{ tokenHash: `hash of ${invitation}`, emailDomains: [], invitedBy: tenant.users.owner.user.id },
    },
  });
  if (!kinds.includes('session')) return ids;
  return { ...ids, session: await openSession(identity, tenant.users[role], tenantId) };
};
