import type { DomainEvent } from '#domain/events';
import { ROLES, type Role } from '#domain/tenant/roles';
import { createAccessTokens } from '#identity/tokens/access-tokens';
import { uuidv7 } from '#platform/ids/uuid';
import type { IdentityApp } from './identity-app';

type Answer = Awaited<ReturnType<IdentityApp['app']['inject']>>;
type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** Somebody who belongs to a tenant, and their way to the API. */
export interface Colleague {
  readonly id: string;
  readonly token: string;
  send(method: Method, url: string, payload?: object, headers?: Record<string, string>): Promise<Answer>;
  get(url: string, headers?: Record<string, string>): Promise<Answer>;
}

/** A tenant with somebody in each role. */
export interface Tenant extends Readonly<Record<Role, Colleague>> {
  readonly id: string;
  /** Appends facts to the tenant's own stream. */
  happened(...events: DomainEvent[]): Promise<void>;
}

/** Signs up a tenant; its other members come to it by facts in its log, as if they had been invited. */
export const foundTenant = async (identity: IdentityApp): Promise<Tenant> => {
  const { app, log, keys } = identity;
  const { user, tenant } = await identity.signUp();
  const tokens = createAccessTokens(keys, 900);
  const people = Object.fromEntries(ROLES.map((role) => [role, uuidv7()])) as Record<Role, string>;
  people.owner = user.id;

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
      return { type: 'MemberJoined', data: { userId: people[role], role, invitationId: uuidv7(), use: 1 } };
    }),
  );

  const colleague = (role: Role): Colleague => {
    const token = tokens.issue({ sub: people[role], tid: tenant.id, role, sid: uuidv7() });
    const send: Colleague['send'] = (method, url, payload, headers = {}) =>
      app.inject({
        method,
        url,
        headers: { authorization: `Bearer ${token}`, ...headers },
        ...(payload && { payload }),
      });
    return { id: people[role], token, send, get: (url, headers) => send('GET', url, undefined, headers) };
  };
  return {
    id: tenant.id,
    happened,
    owner: colleague('owner'),
    admin: colleague('admin'),
    member: colleague('member'),
    auditor: colleague('auditor'),
  };
};

/** What an answer says but for the names of the request: what is alike in this is alike to a client. */
export const told = ({ statusCode, body }: Answer): object => {
  const { requestId: _, instance: __, ...document } = JSON.parse(body) as Record<string, unknown>;
  return { statusCode, ...document };
};
