import { createIdentityApp, type IdentityApp } from '../support/identity-app';
import { type Operations, readOperations } from './operations';
import { OPERATOR_ROUTES, ROUTES, TOKEN_ROUTES } from './routes';

/** The cases of `routes.ts` are complete. */
describe('tenant isolation of the API', () => {
  let identity: IdentityApp;
  let api: Operations;
  beforeAll(async () => {
    identity = await createIdentityApp();
    api = await readOperations(identity);
  });
  afterAll(() => identity.close());

  it('is tested for exactly the routes of the OpenAPI document', () =>
    expect(Object.keys(ROUTES).sort()).toEqual([...api.operations.keys()].sort()));

  it('is tested without a token for exactly the routes that the document marks as public', () => {
    const tokenRoutes = new Set(TOKEN_ROUTES.map(([route]) => route));
    for (const [route, { security }] of api.operations)
      expect([route, security?.length !== 0]).toEqual([
        route,
        tokenRoutes.has(route) || OPERATOR_ROUTES.includes(route),
      ]);
  });

  it('is tested as an operator for exactly the routes that the document marks for operators', () => {
    const operatorRoutes = [...api.operations].filter(([, { security }]) => security?.some((it) => 'operator' in it));
    expect(operatorRoutes.map(([route]) => route).sort()).toEqual([...OPERATOR_ROUTES].sort());
  });

  it('is tested with every id in a path and in a body', () => {
    for (const [route, { pathIds = {}, bodyIds = {} }] of TOKEN_ROUTES) {
      const inPath = [...route.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
      expect([route, ...inPath.sort()]).toEqual([route, ...Object.keys(pathIds).sort()]);
      expect([route, ...api.idsInBody(route).sort()]).toEqual([route, ...Object.keys(bodyIds).sort()]);
    }
  });
});
