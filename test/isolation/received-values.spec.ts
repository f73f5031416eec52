import { randomUUID } from 'node:crypto';
import { uuidv7 } from '#platform/ids/uuid';
import { joined } from '../support/facts';
import { createResources, populate, randomIds } from './populated';
import { TOKEN_ROUTES } from './routes';
import { comparableBytes, openTwoTenants, resourcesOf, type TwoTenants } from './two-tenants';

describe('tenant isolation of the API', () => {
  let world: TwoTenants;
  beforeAll(async () => {
    world = await openTwoTenants();
  });
  afterAll(() => world.close());

  describe('a value that one tenant has received', () => {
    it('is no valid cursor of another tenant, nor of another list', async () => {
      const { acme, foreign, hasParameter, identity, other, send } = world;
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
      const { acme, foreign, identity, other, send } = world;
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
        const { acme, expectedStatus, identity, other, send } = world;
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
      const { identity } = world;
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
      const { acme, foreign, identity } = world;
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
