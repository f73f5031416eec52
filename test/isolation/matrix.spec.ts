import { randomUUID } from 'node:crypto';
import { ROLES, type Role } from '#domain/tenant/roles';
import { createAccessTokens } from '#identity/tokens/access-tokens';
import { uuidv7 } from '#platform/ids/uuid';
import { addTestOperator, operatorTokenOf } from '#testing/operators';
import { joined } from '../support/facts';
import { createIdentityApp, type IdentityApp } from '../support/identity-app';
import { openApiOf } from '../support/openapi';
import { createResources, type Populated, populate, randomIds } from './populated';
import { OPERATOR_ROUTES, type Resource, type ResourceIds, ROUTES, type RouteCase, TOKEN_ROUTES } from './routes';

type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
type Answer = Awaited<ReturnType<IdentityApp['request']>>;
type Schema = { readonly properties?: Readonly<Record<string, { readonly format?: string }>> };
interface Operation {
  readonly requestBody?: {
    readonly content: Readonly<Record<string, { readonly schema: { readonly $ref?: string } }>>;
  };
  readonly security?: readonly object[];
  readonly parameters?: readonly { readonly name?: string; readonly $ref?: string }[];
  readonly 'x-permission'?: { readonly roles: readonly Role[] };
}

const resourcesOf = ({ pathIds = {}, bodyIds = {} }: RouteCase): Resource[] => [
  ...Object.values(pathIds),
  ...Object.values(bodyIds),
];

/**
 * The bytes of an answer without the parts that differ for each request: its id, date and rate limit, and the ids sent.
 */
const comparableBytes = ({ statusCode, headers, body }: Answer, sentIds: ResourceIds): string => {
  const { date: _, ratelimit: __, 'x-request-id': requestId, ...rest } = headers;
  const ids = new Set([String(requestId), ...Object.values(sentIds)]);
  return [...ids].reduce((text, id) => text.replaceAll(id, 'an id'), JSON.stringify([statusCode, rest, body]));
};

/**
 * Requests every route of the OpenAPI document as every role, with ids of the own tenant, of another one and random
 * ids.
 */
describe('tenant isolation of the API', () => {
  let identity: IdentityApp;
  let operations: Map<string, Operation>;
  let schemas: Readonly<Record<string, Schema>>;
  let acme: Populated;
  let other: Populated;
  let foreign: ResourceIds;
  let operatorId: string;
  beforeAll(async () => {
    identity = await createIdentityApp();
    ({ id: operatorId } = await addTestOperator(identity.database));
    const { paths, components } = await openApiOf(identity);
    schemas = components.schemas as Readonly<Record<string, Schema>>;
    operations = new Map(
      Object.entries(paths as unknown as Record<string, Record<string, Operation>>).flatMap(([path, item]) =>
        Object.entries(item).map(([method, operation]) => [`${method.toUpperCase()} ${path}`, operation] as const),
      ),
    );
    [acme, other] = [await populate(identity), await populate(identity)];
    foreign = await createResources(identity, other, 'owner', ['session']);
  });
  afterAll(() => identity.close());

  const idsInBody = (route: string): string[] => {
    const { $ref = '' } = operationOf(route).requestBody?.content['application/json']?.schema ?? {};
    const { properties = {} } = schemas[$ref.split('/').at(-1) ?? ''] ?? {};
    return Object.entries(properties).flatMap(([name, { format }]) => (format === 'uuid' ? [name] : []));
  };

  const operationOf = (route: string): Operation => operations.get(route) ?? {};
  const hasParameter = (route: string, parameter: string): boolean =>
    operationOf(route).parameters?.some(({ name, $ref }) => name === parameter || $ref?.endsWith(`/${parameter}`)) ===
    true;

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

  it('is tested for exactly the routes of the OpenAPI document', () =>
    expect(Object.keys(ROUTES).sort()).toEqual([...operations.keys()].sort()));

  it('is tested without a token for exactly the routes that the document marks as public', () => {
    const tokenRoutes = new Set(TOKEN_ROUTES.map(([route]) => route));
    for (const [route, { security }] of operations)
      expect([route, security?.length !== 0]).toEqual([
        route,
        tokenRoutes.has(route) || OPERATOR_ROUTES.includes(route),
      ]);
  });

  it('is tested as an operator for exactly the routes that the document marks for operators', () => {
    const operatorRoutes = [...operations].filter(([, { security }]) => security?.some((it) => 'operator' in it));
    expect(operatorRoutes.map(([route]) => route).sort()).toEqual([...OPERATOR_ROUTES].sort());
  });

  describe.each(OPERATOR_ROUTES)('%s', (route) => {
    const [method, template = ''] = route.split(' ') as [Method, string];
    const url = template.replaceAll(/\{\w+\}/g, () => randomUUID());

    it.each(ROLES)('refuses a token of the role %s, and a request without a token', async (role) => {
      expect((await identity.request(method, url, { token: acme.tokens[role] })).statusCode).toBe(401);
      expect((await identity.request(method, url)).statusCode).toBe(401);
    });

    it('accepts the token of an operator', async () => {
      const token = operatorTokenOf(operatorId);
      expect((await identity.request(method, url, { token })).statusCode).not.toBe(401);
    });
  });

  it.each(TOKEN_ROUTES.map(([route]) => route))('refuses the token of an operator for %s', async (route) => {
    const [method, template = ''] = route.split(' ') as [Method, string];
    const token = operatorTokenOf(operatorId);
    const url = template.replaceAll(/\{\w+\}/g, () => randomUUID());
    expect((await identity.request(method, url, { token })).statusCode).toBe(401);
  });

  it('is tested with every id in a path and in a body', () => {
    for (const [route, { pathIds = {}, bodyIds = {} }] of TOKEN_ROUTES) {
      const inPath = [...route.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
      expect([route, ...inPath.sort()]).toEqual([route, ...Object.keys(pathIds).sort()]);
      expect([route, ...idsInBody(route).sort()]).toEqual([route, ...Object.keys(bodyIds).sort()]);
    }
  });

  describe.each(TOKEN_ROUTES)('%s', (route, routeCase) => {
    it.each(ROLES)('with ids of the own tenant answers %s according to the role', async (role) => {
      const tenant = routeCase.needsOwnTenant ? await populate(identity) : acme;
      const ids = await createResources(identity, tenant, role, resourcesOf(routeCase));
      const { statusCode } = await send(route, routeCase, ids, tenant.tokens[role]);
      expect(statusCode).toBe(expectedStatus(route, routeCase, role, routeCase.status));
    });

    const { pathIds = {} } = routeCase;
    const resources = [...new Set(resourcesOf(routeCase))];
    // Each id is replaced alone, and then all of them together.
    const replacements = [...resources.map((it) => [it]), ...(resources.length > 1 ? [resources] : [])];
    if (resources.length > 0)
      it.each(ROLES)('with ids of another tenant answers %s byte for byte like unknown ids', async (role) => {
        const own = await createResources(identity, acme, role, resources);
        const before = await eventsOf(other);
        const conditions = hasParameter(route, 'If-Match') ? [{}, { 'if-match': '"1"' }, { 'if-match': '"7"' }] : [{}];
        for (const replaced of replacements)
          for (const headers of conditions) {
            const inPath = Object.values(pathIds).some((it) => replaced.includes(it));
            const [foreignIds, unknownIds] = [foreign, randomIds()].map((source) => ({
              ...own,
              ...Object.fromEntries(replaced.map((resource) => [resource, source[resource]])),
            })) as [ResourceIds, ResourceIds];
            const answer = await send(route, routeCase, foreignIds, acme.tokens[role], headers);
            const status = inPath ? 404 : (routeCase.unknownBodyId ?? 404);
            expect(answer.statusCode).toBe(expectedStatus(route, routeCase, role, status));
            const unknown = await send(route, routeCase, unknownIds, acme.tokens[role], headers);
            expect(comparableBytes(answer, foreignIds)).toBe(comparableBytes(unknown, unknownIds));
          }
        expect(await eventsOf(other)).toEqual(before);
      });

    it('needs a valid token', async () => {
      for (const token of [undefined, 'x', 'x.y.z'])
        expect((await send(route, routeCase, foreign, token)).statusCode).toBe(401);
    });

    it('refuses a token for a tenant in which the user is not a member', async () => {
      if (!operationOf(route)['x-permission']) return;
      const tokens = createAccessTokens(identity.keys, 900);
      const sub = acme.users.owner.user.id;
      const token = tokens.issue({ sub, tid: other.id, role: 'owner', sid: uuidv7() });
      expect((await send(route, routeCase, foreign, token)).statusCode).toBe(401);
    });

    it('answers 403 to a token without a tenant, unless the route is about the user', async () => {
      if (!operationOf(route)['x-permission']) return;
      const tokens = createAccessTokens(identity.keys, 900);
      const token = tokens.issue({ sub: acme.users.owner.user.id, sid: uuidv7() });
      expect((await send(route, routeCase, foreign, token)).statusCode).toBe(403);
    });

    it('does not accept a tenant id in a field of the body, and ignores it in a header', async () => {
      const ids = await createResources(identity, acme, 'owner', resources);
      const body = (unique: string): object => ({ ...routeCase.body?.(unique), tenant: other.id, tid: other.id });
      if (routeCase.body)
        expect((await send(route, { ...routeCase, body }, ids, acme.tokens.owner)).statusCode).toBe(400);
      if (routeCase.needsOwnTenant || !route.startsWith('GET')) return;
      const header = { 'x-tenant-id': other.id, 'x-tenant': other.id, tenant: other.id };
      const withHeader = await send(route, routeCase, ids, acme.tokens.owner, header);
      const withoutHeader = await send(route, routeCase, ids, acme.tokens.owner);
      // A cursor is encrypted again each time.
      const [one, another] = [withHeader, withoutHeader].map((answer) => ({ ...answer.json(), nextCursor: null }));
      expect(one).toEqual(another);
    });
  });

  describe('a value that one tenant has received', () => {
    it('is no valid cursor of another tenant, nor of another list', async () => {
      const lists = TOKEN_ROUTES.filter(([route]) => hasParameter(route, 'cursor'));
      expect(lists.length).toBeGreaterThanOrEqual(6);
      const own = await createResources(identity, acme, 'owner', ['session']);
      await createResources(identity, acme, 'owner', ['session']);
      const { owner } = acme.tokens;
      const task = { token: owner, payload: { title: 'Another' } };
      await identity.request('POST', `/v1/projects/${own.project}/tasks`, task);
      for (const [route, routeCase] of lists) {
        const { nextCursor } = (await send(`${route}?limit=1`, routeCase, own, owner)).json();
        expect([route, typeof nextCursor]).toEqual([route, 'string']);
        expect((await send(`${route}?limit=1&cursor=${nextCursor}`, routeCase, own, owner)).statusCode).toBe(200);
        const byOther = await send(`${route}?limit=1&cursor=${nextCursor}`, routeCase, foreign, other.tokens.owner);
        expect(byOther.json()).toMatchObject({ status: 400, errors: [{ pointer: '/query/cursor' }] });
        for (const [otherRoute, otherCase] of lists.filter(([it]) => it !== route)) {
          const answer = await send(`${otherRoute}?limit=1&cursor=${nextCursor}`, otherCase, own, owner);
          expect(answer.json()).toMatchObject({ status: 400, errors: [{ pointer: '/query/cursor' }] });
        }
      }
    });

    it('is no valid position for a read of another tenant', async () => {
      const request = { token: acme.tokens.owner, payload: { name: `Acme ${uuidv7()}` } };
      const written = await identity.request('PATCH', '/v1/tenant', request);
      const headers = { 'if-position': String(written.headers['position']) };
      const own = await createResources(identity, acme, 'owner', []);
      for (const [route, routeCase] of TOKEN_ROUTES.filter(([it]) => it.startsWith('GET'))) {
        expect((await send(route, routeCase, own, acme.tokens.owner, headers)).statusCode).toBe(200);
        const answer = await send(route, routeCase, foreign, other.tokens.owner, headers);
        expect(answer.json()).toMatchObject({ status: 400, errors: [{ pointer: '/header/If-Position' }] });
      }
    });

    it.each(TOKEN_ROUTES.filter(([route]) => !route.startsWith('GET')))(
      'is not the answer to the same idempotency key of another tenant: %s',
      async (route, routeCase) => {
        const headers = { 'idempotency-key': randomUUID() };
        // The requests have the same body, so that they differ only by the tenant.
        const body = routeCase.body?.(uuidv7());
        const sameBody = body ? { ...routeCase, body: () => body } : routeCase;
        for (const shared of [acme, other]) {
          const tenant = routeCase.needsOwnTenant ? await populate(identity) : shared;
          const ids = await createResources(identity, tenant, 'owner', resourcesOf(routeCase));
          const answer = await send(route, sameBody, ids, tenant.tokens.owner, headers);
          expect(answer.statusCode).toBe(expectedStatus(route, routeCase, 'owner', routeCase.status));
          expect(answer.headers['idempotent-replayed']).toBeUndefined();
        }
      },
    );

    it('is not the answer to the same idempotency key of the same user in another tenant', async () => {
      const headers = { 'idempotency-key': randomUUID() };
      const [one, two] = [await populate(identity), await populate(identity)];
      const { user, accessToken: firstToken } = one.users.owner;
      await identity.appendEvents(two.id, joined(user.id, 'owner'));
      const request = { token: firstToken, payload: { tenantId: two.id } };
      const secondToken: string = (await identity.request('POST', '/v1/sessions/switch', request)).json().accessToken;
      const payload = { name: 'Sales' };
      const ids: string[] = [];
      for (const token of [firstToken, secondToken]) {
        const answer = await identity.request('POST', '/v1/teams', { token, payload, headers });
        expect([answer.statusCode, answer.headers['idempotent-replayed']]).toEqual([201, undefined]);
        ids.push(answer.json().id);
      }
      expect((await identity.get(`/v1/teams/${ids[0]}`, secondToken)).statusCode).toBe(404);
      expect((await identity.get(`/v1/teams/${ids[1]}`, firstToken)).statusCode).toBe(404);
    });

    it('does not change the result of a filter in another tenant', async () => {
      const own = await createResources(identity, acme, 'owner', []);
      const unknown = randomIds();
      const list = (assignee: string) =>
        identity.get(`/v1/projects/${own.project}/tasks?assignee=${assignee}`, acme.tokens.owner);
      const answer = await list(foreign.member);
      expect(answer.json()).toEqual({ data: [], nextCursor: null });
      expect(comparableBytes(answer, foreign)).toBe(comparableBytes(await list(unknown.member), unknown));
    });
  });
});
