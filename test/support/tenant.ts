import type { DomainEvent } from '#domain/events';
import { ROLES, type Role } from '#domain/tenant/roles';
import { createAccessTokens } from '#identity/tokens/access-tokens';
import { uuidv7 } from '#platform/ids/uuid';
import type { IdentityApp } from './identity-app';

type Answer = Awaited<ReturnType<IdentityApp['app']['inject']>>;
type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** A member of a tenant, who can send requests to the API. */
export interface TestMember {
  readonly id: string;
  readonly token: string;
  send(method: Method, url: string, payload?: object, headers?: Record<string, string>): Promise<Answer>;
  get(url: string, headers?: Record<string, string>): Promise<Answer>;
}

/** A tenant with one member in each role. */
export interface Tenant extends Readonly<Record<Role, TestMember>> {
  readonly id: string;
  /** Appends events to the stream of the tenant. */
  happened(...events: DomainEvent[]): Promise<void>;
}

/**
 * Signs up a tenant with its owner. The other members are added by events in its stream, as if they had been invited.
 */
export const createTenantWithMembers = async (identity: IdentityApp): Promise<Tenant> => {
  const { app, log, keys } = identity;
  const { user, tenant } = await identity.signUp();
  const tokens = createAccessTokens(keys, 900);
  const userIds = Object.fromEntries(ROLES.map((role) => [role, uuidv7()])) as Record<Role, string>;
  userIds.owner = user.id;

  const happened = async (...events: DomainEvent[]): Promise<void> => {
    await log.append({
      stream: { tenantId: tenant.id, aggregate: 'tenant', id: tenant.id },
      expected: 'any',
      events,
      commandId: uuidv7(),
      actor: { kind: 'system' },
      correlationId: 'test',
    });
  };
  await happened(
    ...ROLES.filter((role) => role !== 'owner').map((role): DomainEvent => {
      return { type: 'MemberJoined', data: { userId: userIds[role], role, invitationId: uuidv7(), use: 1 } };
    }),
  );
  // No request made these events, so none waited for the read models that the tests query.
  await identity.settled();

  const memberOf = (role: Role): TestMember => {
    const token = tokens.issue({ sub: userIds[role], tid: tenant.id, role, sid: uuidv7() });
    const send: TestMember['send'] = (method, url, payload, headers = {}) =>
      app.inject({
        method,
        url,
        headers: { authorization: `Bearer ${token}`, ...headers },
        ...(payload && { payload }),
      });
    return { id: userIds[role], token, send, get: (url, headers) => send('GET', url, undefined, headers) };
  };
  return {
    id: tenant.id,
    happened,
    owner: memberOf('owner'),
    admin: memberOf('admin'),
    member: memberOf('member'),
    auditor: memberOf('auditor'),
  };
};

/**
 * The status and problem document of an answer without the ids of the request, to compare answers as a client sees
 * them.
 */
export const comparableAnswer = ({ statusCode, body }: Answer): object => {
  const { requestId: _, instance: __, ...document } = JSON.parse(body) as Record<string, unknown>;
  return { statusCode, ...document };
};
