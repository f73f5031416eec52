import { ROLES } from '#domain/tenant/roles';
import { createAccessTokens } from '#identity/tokens/access-tokens';
import { uuidv7 } from '#platform/ids/uuid';
import { createResources, populate, randomIds } from './populated';
import { type ResourceIds, TOKEN_ROUTES } from './routes';
import { comparableBytes, openTwoTenants, resourcesOf, type TwoTenants } from './two-tenants';

/**
 * Requests every route of the OpenAPI document as every role, with ids of the own tenant, of another one and random
 * ids.
 */
describe('tenant isolation of the API', () => {
  let world: TwoTenants;
  beforeAll(async () => {
    world = await openTwoTenants();
  });
  afterAll(() => world.close());

  describe.each(TOKEN_ROUTES)('%s', (route, routeCase) => {
    it.each(ROLES)('with ids of the own tenant answers %s according to the role', async (role) => {
      const { acme, expectedStatus, identity, send } = world;
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
        const { acme, eventsOf, expectedStatus, foreign, hasParameter, identity, other, send } = world;
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
      const { foreign, send } = world;
      for (const token of [undefined, 'x', 'x.y.z'])
        expect((await send(route, routeCase, foreign, token)).statusCode).toBe(401);
    });

    it('refuses a token for a tenant in which the user is not a member', async () => {
      const { acme, foreign, identity, operationOf, other, send } = world;
      if (!operationOf(route)['x-permission']) return;
      const tokens = createAccessTokens(identity.keys, 900);
      const sub = acme.users.owner.user.id;
      const token = tokens.issue({ sub, tid: other.id, role: 'owner', sid: uuidv7() });
      expect((await send(route, routeCase, foreign, token)).statusCode).toBe(401);
    });

    it('answers 403 to a token without a tenant, unless the route is about the user', async () => {
      const { acme, foreign, identity, operationOf, send } = world;
      if (!operationOf(route)['x-permission']) return;
      const tokens = createAccessTokens(identity.keys, 900);
      const token = tokens.issue({ sub: acme.users.owner.user.id, sid: uuidv7() });
      expect((await send(route, routeCase, foreign, token)).statusCode).toBe(403);
    });

    it('does not accept a tenant id in a field of the body, and ignores it in a header', async () => {
      const { acme, identity, other, send } = world;
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
});
