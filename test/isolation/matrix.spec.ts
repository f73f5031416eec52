import { randomUUID } from 'node:crypto';
import { ROLES, type Role } from '#domain/tenant/roles';
import { createAccessTokens } from '#identity/tokens/access-tokens';
import { createOperatorTokens } from '#identity/tokens/operator-tokens';
import { uuidv7 } from '#platform/ids/uuid';
import { TEST_SECRET_KEY } from '#testing/database';
import { joined } from '../support/facts';
import { createIdentityApp, type IdentityApp } from '../support/identity-app';
import { makeThings, type Populated, populate, strangers } from './populated';
import { OF_OPERATORS, ROUTES, ROWS, type Row, type Thing, type Things } from './routes';

type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
type Answer = Awaited<ReturnType<IdentityApp['ask']>>;
type Schema = { readonly properties?: Readonly<Record<string, { readonly format?: string }>> };
interface Operation {
  readonly requestBody?: {
    readonly content: Readonly<Record<string, { readonly schema: { readonly $ref?: string } }>>;
  };
  readonly security?: readonly object[];
  readonly parameters?: readonly { readonly name?: string; readonly $ref?: string }[];
  readonly 'x-permission'?: { readonly roles: readonly Role[] };
}

const slotsOf = ({ ids = {}, named = {} }: Row): Thing[] => [...Object.values(ids), ...Object.values(named)];

/** All of an answer but what is of the request: its id, its time, its place in the count, and the ids that it asked for. */
const bytesOf = ({ statusCode, headers, body }: Answer, asked: Things): string => {
  const { date: _, ratelimit: __, 'x-request-id': requestId, ...rest } = headers;
  const ids = new Set([String(requestId), ...Object.values(asked)]);
  return [...ids].reduce((text, id) => text.replaceAll(id, 'an id'), JSON.stringify([statusCode, rest, body]));
};

/** Every route of the OpenAPI document, asked by every role for its tenant's own, another's and random ids. */
describe('the matrix', () => {
  let identity: IdentityApp;
  let operations: Map<string, Operation>;
  let schemas: Readonly<Record<string, Schema>>;
  let acme: Populated;
  let other: Populated;
  let foreign: Things;
  beforeAll(async () => {
    identity = await createIdentityApp();
    const { paths, components } = (await identity.app.inject({ url: '/openapi.json' })).json();
    schemas = components.schemas;
    operations = new Map(
      Object.entries(paths as Record<string, Record<string, Operation>>).flatMap(([path, item]) =>
        Object.entries(item).map(([method, operation]) => [`${method.toUpperCase()} ${path}`, operation] as const),
      ),
    );
    [acme, other] = [await populate(identity), await populate(identity)];
    foreign = await makeThings(identity, other, 'owner', ['session']);
  });
  afterAll(() => identity.close());

  const idsInBody = (route: string): string[] => {
    const { $ref = '' } = operationOf(route).requestBody?.content['application/json']?.schema ?? {};
    const { properties = {} } = schemas[$ref.split('/').at(-1) ?? ''] ?? {};
    return Object.entries(properties).flatMap(([name, { format }]) => (format === 'uuid' ? [name] : []));
  };

  const operationOf = (route: string): Operation => operations.get(route) ?? {};
  const takes = (route: string, parameter: string): boolean =>
    operationOf(route).parameters?.some(({ name, $ref }) => name === parameter || $ref?.endsWith(`/${parameter}`)) ===
    true;

  const ask = (route: string, row: Row, things: Things, token?: string, headers: Record<string, string> = {}) => {
    const [method, template] = route.split(' ') as [Method, string];
    const url = template.replaceAll(/\{(\w+)\}/g, (_, name: string) => things[row.ids?.[name] ?? 'tenant']);
    const named = Object.entries(row.named ?? {}).map(([field, thing]) => [field, things[thing]]);
    const payload = { ...row.body?.(uuidv7()), ...Object.fromEntries(named) };
    return identity.ask(method, url, {
      headers,
      ...(token !== undefined && { token }),
      ...((row.body || row.named) && { payload }),
    });
  };

  /** The answer to a request for something of the user's own tenant; 404 where it does not exist. */
  const expected = (route: string, row: Row, role: Role, otherwise: number): number => {
    const roles = operationOf(route)['x-permission']?.roles;
    return roles && !roles.includes(role) ? 403 : (row.besides?.[role] ?? otherwise);
  };

  const eventsOf = async ({ id }: Populated): Promise<string[]> =>
    (await identity.log.readAll({ after: 0n, limit: 100_000, tenantId: id })).events.map((it) => it.id);

  it('has a row for each route of the OpenAPI document, and for no other', () =>
    expect(Object.keys(ROUTES).sort()).toEqual([...operations.keys()].sort()));

  it('takes for open to strangers what the document does', () => {
    const rows = new Set(ROWS.map(([route]) => route));
    for (const [route, { security }] of operations)
      expect([route, security?.length !== 0]).toEqual([route, rows.has(route) || OF_OPERATORS.includes(route)]);
  });

  it('takes for operators’ what the document does', () => {
    const ofOperators = [...operations].filter(([, { security }]) => security?.some((it) => 'operator' in it));
    expect(ofOperators.map(([route]) => route).sort()).toEqual([...OF_OPERATORS].sort());
  });

  describe.each(OF_OPERATORS)('%s', (route) => {
    const [method, template = ''] = route.split(' ') as [Method, string];
    const url = template.replaceAll(/\{\w+\}/g, () => randomUUID());

    it.each(ROLES)('takes no token of %s, and none of nobody', async (role) => {
      expect((await identity.ask(method, url, { token: acme.tokens[role] })).statusCode).toBe(401);
      expect((await identity.ask(method, url)).statusCode).toBe(401);
    });

    it('is open to an operator', async () => {
      const token = createOperatorTokens(TEST_SECRET_KEY).issue('ada', 1);
      expect((await identity.ask(method, url, { token })).statusCode).not.toBe(401);
    });
  });

  it.each(ROWS.map(([route]) => route))('%s takes no token of an operator', async (route) => {
    const [method, template = ''] = route.split(' ') as [Method, string];
    const token = createOperatorTokens(TEST_SECRET_KEY).issue('ada', 1);
    const url = template.replaceAll(/\{\w+\}/g, () => randomUUID());
    expect((await identity.ask(method, url, { token })).statusCode).toBe(401);
  });

  it('knows every id in a path and in a body', () => {
    for (const [route, { ids = {}, named = {} }] of ROWS) {
      const inPath = [...route.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
      expect([route, ...inPath.sort()]).toEqual([route, ...Object.keys(ids).sort()]);
      expect([route, ...idsInBody(route).sort()]).toEqual([route, ...Object.keys(named).sort()]);
    }
  });

  describe.each(ROWS)('%s', (route, row) => {
    it.each(ROLES)('of its own tenant answers %s as their role may', async (role) => {
      const tenant = row.alone ? await populate(identity) : acme;
      const things = await makeThings(identity, tenant, role, slotsOf(row));
      const { statusCode } = await ask(route, row, things, tenant.tokens[role]);
      expect(statusCode).toBe(expected(route, row, role, row.status));
    });

    const { ids = {} } = row;
    const slots = [...new Set(slotsOf(row))];
    const wrong = [...slots.map((it) => [it]), ...(slots.length > 1 ? [slots] : [])];
    if (slots.length > 0)
      it.each(ROLES)('of another tenant answers %s byte for byte as what never was', async (role) => {
        const own = await makeThings(identity, acme, role, slots);
        const before = await eventsOf(other);
        const conditions = takes(route, 'If-Match') ? [{}, { 'if-match': '"1"' }, { 'if-match': '"7"' }] : [{}];
        for (const exchanged of wrong)
          for (const headers of conditions) {
            const inPath = Object.values(ids).some((it) => exchanged.includes(it));
            const [theirs, nobodys] = [foreign, strangers()].map((from) => ({
              ...own,
              ...Object.fromEntries(exchanged.map((thing) => [thing, from[thing]])),
            })) as [Things, Things];
            const answer = await ask(route, row, theirs, acme.tokens[role], headers);
            expect(answer.statusCode).toBe(expected(route, row, role, inPath ? 404 : (row.unnamed ?? 404)));
            const unknown = await ask(route, row, nobodys, acme.tokens[role], headers);
            expect(bytesOf(answer, theirs)).toBe(bytesOf(unknown, nobodys));
          }
        expect(await eventsOf(other)).toEqual(before);
      });
    it('asks for a token', async () => {
      for (const token of [undefined, 'x', 'x.y.z'])
        expect((await ask(route, row, foreign, token)).statusCode).toBe(401);
    });

    it('takes no token of a tenant to which the user does not belong', async () => {
      if (!operationOf(route)['x-permission']) return;
      const tokens = createAccessTokens(identity.keys, 900);
      const sub = acme.people.owner.user.id;
      const token = tokens.issue({ sub, tid: other.id, role: 'owner', sid: uuidv7() });
      expect((await ask(route, row, foreign, token)).statusCode).toBe(401);
    });

    it('is closed to somebody who acts in no tenant, unless it is about the user', async () => {
      if (!operationOf(route)['x-permission']) return;
      const tokens = createAccessTokens(identity.keys, 900);
      const token = tokens.issue({ sub: acme.people.owner.user.id, sid: uuidv7() });
      expect((await ask(route, row, foreign, token)).statusCode).toBe(403);
    });

    it('takes no tenant from a query, a field or a header', async () => {
      const things = await makeThings(identity, acme, 'owner', slots);
      const body = (unique: string): object => ({ ...row.body?.(unique), tenant: other.id, tid: other.id });
      if (row.body) expect((await ask(route, { ...row, body }, things, acme.tokens.owner)).statusCode).toBe(400);
      if (row.alone || !route.startsWith('GET')) return;
      const header = { 'x-tenant-id': other.id, 'x-tenant': other.id, tenant: other.id };
      const told = await ask(route, row, things, acme.tokens.owner, header);
      const untold = await ask(route, row, things, acme.tokens.owner);
      // Cursors are sealed again each time.
      const [one, another] = [told, untold].map((answer) => ({ ...answer.json(), nextCursor: null }));
      expect(one).toEqual(another);
    });
  });

  describe('what one tenant was given, to another', () => {
    it('is no cursor, of any list', async () => {
      const lists = ROWS.filter(([route]) => takes(route, 'cursor'));
      expect(lists.length).toBeGreaterThanOrEqual(6);
      const own = await makeThings(identity, acme, 'owner', ['session']);
      await makeThings(identity, acme, 'owner', ['session']);
      const { owner } = acme.tokens;
      const task = { token: owner, payload: { title: 'Another' } };
      await identity.ask('POST', `/v1/projects/${own.project}/tasks`, task);
      for (const [route, row] of lists) {
        const { nextCursor } = (await ask(`${route}?limit=1`, row, own, owner)).json();
        expect([route, typeof nextCursor]).toEqual([route, 'string']);
        expect((await ask(`${route}?limit=1&cursor=${nextCursor}`, row, own, owner)).statusCode).toBe(200);
        const elsewhere = await ask(`${route}?limit=1&cursor=${nextCursor}`, row, foreign, other.tokens.owner);
        expect(elsewhere.json()).toMatchObject({ status: 400, errors: [{ pointer: '/query/cursor' }] });
        for (const [another, its] of lists.filter(([it]) => it !== route)) {
          const answer = await ask(`${another}?limit=1&cursor=${nextCursor}`, its, own, owner);
          expect(answer.json()).toMatchObject({ status: 400, errors: [{ pointer: '/query/cursor' }] });
        }
      }
    });

    it('is no position, for any read', async () => {
      const renaming = { token: acme.tokens.owner, payload: { name: `Acme ${uuidv7()}` } };
      const written = await identity.ask('PATCH', '/v1/tenant', renaming);
      const headers = { 'if-position': String(written.headers['position']) };
      const own = await makeThings(identity, acme, 'owner', []);
      for (const [route, row] of ROWS.filter(([it]) => it.startsWith('GET'))) {
        expect((await ask(route, row, own, acme.tokens.owner, headers)).statusCode).toBe(200);
        const answer = await ask(route, row, foreign, other.tokens.owner, headers);
        expect(answer.json()).toMatchObject({ status: 400, errors: [{ pointer: '/header/If-Position' }] });
      }
    });

    it.each(ROWS.filter(([route]) => !route.startsWith('GET')))(
      'is no answer to the idempotency key of %s',
      async (route, row) => {
        const headers = { 'idempotency-key': randomUUID() };
        // One body for both, so that nothing but the tenant tells them apart.
        const body = row.body?.(uuidv7());
        const same = body ? { ...row, body: () => body } : row;
        for (const shared of [acme, other]) {
          const tenant = row.alone ? await populate(identity) : shared;
          const things = await makeThings(identity, tenant, 'owner', slotsOf(row));
          const answer = await ask(route, same, things, tenant.tokens.owner, headers);
          expect(answer.statusCode).toBe(expected(route, row, 'owner', row.status));
          expect(answer.headers['idempotent-replayed']).toBeUndefined();
        }
      },
    );

    it('is no answer to the idempotency key of one user who belongs to both', async () => {
      const headers = { 'idempotency-key': randomUUID() };
      const [one, two] = [await populate(identity), await populate(identity)];
      const { user, accessToken: here } = one.people.owner;
      await identity.happen(two.id, joined(user.id, 'owner'));
      const switching = { token: here, payload: { tenantId: two.id } };
      const there: string = (await identity.ask('POST', '/v1/sessions/switch', switching)).json().accessToken;
      const payload = { name: 'Sales' };
      const ids: string[] = [];
      for (const token of [here, there]) {
        const answer = await identity.ask('POST', '/v1/teams', { token, payload, headers });
        expect([answer.statusCode, answer.headers['idempotent-replayed']]).toEqual([201, undefined]);
        ids.push(answer.json().id);
      }
      expect((await identity.get(`/v1/teams/${ids[0]}`, there)).statusCode).toBe(404);
      expect((await identity.get(`/v1/teams/${ids[1]}`, here)).statusCode).toBe(404);
    });

    it('is nothing to filter by', async () => {
      const own = await makeThings(identity, acme, 'owner', []);
      const [theirs, nobodys] = [foreign, strangers()];
      const list = (assignee: string) =>
        identity.get(`/v1/projects/${own.project}/tasks?assignee=${assignee}`, acme.tokens.owner);
      const answer = await list(theirs.newcomer);
      expect(answer.json()).toEqual({ data: [], nextCursor: null });
      expect(bytesOf(answer, theirs)).toBe(bytesOf(await list(nobodys.newcomer), nobodys));
    });
  });
});
