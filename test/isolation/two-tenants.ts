import type { Role } from '#domain/tenant/roles';
import { uuidv7 } from '#platform/ids/uuid';
import { createIdentityApp, type IdentityApp } from '../support/identity-app';
import { readOperations } from './operations';
import { createResources, type Populated, populate } from './populated';
import type { Resource, ResourceIds, RouteCase } from './routes';

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
type Answer = Awaited<ReturnType<IdentityApp['request']>>;

/** All resources that a request to the route names. */
export const resourcesOf = ({ pathIds = {}, bodyIds = {} }: RouteCase): Resource[] => [
  ...Object.values(pathIds),
  ...Object.values(bodyIds),
];

/**
 * The bytes of an answer without the parts that differ for each request: its id, date and rate limit, and the ids sent.
 */
export const comparableBytes = ({ statusCode, headers, body }: Answer, sentIds: ResourceIds): string => {
  const { date: _, ratelimit: __, 'x-request-id': requestId, ...rest } = headers;
  const ids = new Set([String(requestId), ...Object.values(sentIds)]);
  return [...ids].reduce((text, id) => text.replaceAll(id, 'an id'), JSON.stringify([statusCode, rest, body]));
};

/**
 * Opens the API with two tenants: `acme`, whose users send the requests, and `other`. `foreign` has the ids of resources
 * of the other one.
 */
export const openTwoTenants = async () => {
  const identity = await createIdentityApp();
  const { operationOf, hasParameter } = await readOperations(identity);
  const [acme, other] = [await populate(identity), await populate(identity)];
  const foreign = await createResources(identity, other, 'owner', ['session']);

  /** Sends a request to the route, with these ids in its path and its body. */
  const send = (
    route: string,
    routeCase: RouteCase,
    ids: ResourceIds,
    token?: string,
    headers: Record<string, string> = {},
  ) => {
    const [method, template] = route.split(' ') as [Method, string];
    const url = template.replaceAll(/\{(\w+)\}/g, (_, name: string) => ids[routeCase.pathIds?.[name] ?? 'tenant']);
    const bodyIds = Object.entries(routeCase.bodyIds ?? {}).map(([field, resource]) => [field, ids[resource]]);
    const payload = { ...routeCase.body?.(uuidv7()), ...Object.fromEntries(bodyIds) };
    return identity.request(method, url, {
      headers,
      ...(token !== undefined && { token }),
      ...((routeCase.body || routeCase.bodyIds) && { payload }),
    });
  };

  /** The expected status for a role. @param otherwise status for a role that has the permission */
  const expectedStatus = (route: string, routeCase: RouteCase, role: Role, otherwise: number): number => {
    const roles = operationOf(route)['x-permission']?.roles;
    return roles && !roles.includes(role) ? 403 : (routeCase.statusByRole?.[role] ?? otherwise);
  };

  const eventsOf = async ({ id }: Populated): Promise<string[]> =>
    (await identity.log.readAll({ after: 0n, limit: 100_000, tenantId: id })).events.map((it) => it.id);

  return {
    ...{ identity, acme, other, foreign, operationOf, hasParameter, send, expectedStatus, eventsOf },
    close: () => identity.close(),
  };
};
export type TwoTenants = Awaited<ReturnType<typeof openTwoTenants>>;
