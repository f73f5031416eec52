import { randomUUID } from 'node:crypto';
import { ROLES } from '#domain/tenant/roles';
import { addTestOperator, operatorTokenOf } from '#testing/operators';
import { createIdentityApp, type IdentityApp } from '../support/identity-app';
import { type Populated, populate } from './populated';
import { OPERATOR_ROUTES, TOKEN_ROUTES } from './routes';
import type { Method } from './two-tenants';

/** Routes of operators refuse every user, and the routes of users refuse operators. */
describe('tenant isolation of the API', () => {
  let identity: IdentityApp;
  let acme: Populated;
  let operatorId: string;
  beforeAll(async () => {
    identity = await createIdentityApp();
    ({ id: operatorId } = await addTestOperator(identity.database));
    acme = await populate(identity);
  });
  afterAll(() => identity.close());

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
});
