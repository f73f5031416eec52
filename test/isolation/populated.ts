import type { DomainEvent } from '#domain/events';
import { ROLES, type Role } from '#domain/tenant/roles';
import { uuidv7 } from '#platform/ids/uuid';
import { CLOSED, joined, paid } from '../support/facts';
import type { IdentityApp, SignedUp } from '../support/identity-app';
import type { Thing, Things } from './routes';

/** A tenant with a user in each role who has signed up, and signed in to it. */
export interface Populated {
  readonly id: string;
  readonly tokens: Readonly<Record<Role, string>>;
  readonly people: Readonly<Record<Role, SignedUp>>;
}

export const populate = async (identity: IdentityApp): Promise<Populated> => {
  const people = {} as Record<Role, SignedUp>;
  for (const role of ROLES) people[role] = await identity.signUp();
  const { tenant, accessToken } = people.owner;
  const tokens = { owner: accessToken } as Record<Role, string>;
  for (const role of ROLES.filter((it) => it !== 'owner')) {
    await identity.happen(tenant.id, joined(people[role].user.id, role));
    const switching = { token: people[role].accessToken, payload: { tenantId: tenant.id } };
    tokens[role] = (await identity.ask('POST', '/v1/sessions/switch', switching)).json().accessToken;
    // Nobody is kept from going by a tenant of their own.
    await identity.happen(people[role].tenant.id, CLOSED);
  }
  for (const invoice of [paid(), paid()]) await identity.happen(tenant.id, invoice);
  return { id: tenant.id, tokens, people };
};

export const strangers = (): Things => ({
  ...{ tenant: uuidv7(), newcomer: uuidv7(), team: uuidv7(), project: uuidv7() },
  ...{ task: uuidv7(), invitation: uuidv7(), session: uuidv7() },
});

/** Somebody's session beside the one that they ask with. */
const openSession = async (identity: IdentityApp, { sent }: SignedUp, tenantId: string): Promise<string> => {
  const { email, password } = sent;
  const { accessToken } = (await identity.post('/v1/sessions', { email, password, tenantId })).json();
  const { data } = (await identity.get('/v1/sessions', accessToken)).json() as {
    data: { id: string; current: boolean }[];
  };
  return data.find(({ current }) => current)?.id ?? '';
};

/** One of each thing in a tenant, new: what one request does to them meets no other. */
export const makeThings = async (
  identity: IdentityApp,
  tenant: Populated,
  role: Role,
  wanted: readonly Thing[],
): Promise<Things> => {
  const { id: tenantId } = tenant;
  const things = { ...strangers(), tenant: tenantId };
  const { newcomer, team, project, task, invitation } = things;
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
    joined(newcomer, 'member'),
    { type: 'TeamCreated', data: { teamId: team, name: `Team ${team}` } },
    { type: 'TeamMemberAdded', data: { teamId: team, userId: newcomer } },
  );
  await identity.happen(tenantId, {
    type: 'MemberInvited',
    data: {
      ...{ invitationId: invitation, role: 'member', maxUses: 1, expiresAt: '2100-01-01T00:00:00.000Z' },
      ...{ tokenHash: `hash of ${invitation}`, emailDomains: [], invitedBy: tenant.people.owner.user.id },
    },
  });
  if (!wanted.includes('session')) return things;
  return { ...things, session: await openSession(identity, tenant.people[role], tenantId) };
};
