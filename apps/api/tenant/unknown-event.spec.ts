import { uuidv7 } from '#platform/ids/uuid';
import { createIdentityApp, type IdentityApp, type SignedUp } from '#test/support/identity-app';

jest.setTimeout(120_000);

describe('a tenant with an event of an unknown type', () => {
  let app: IdentityApp;
  let ada: SignedUp;
  let bob: SignedUp;

  beforeAll(async () => {
    app = await createIdentityApp();
    ada = await app.signUp();
    bob = await app.signUp();
    await app.settled();
    const stream = { tenantId: ada.tenant.id, aggregate: 'tenant', id: ada.tenant.id };
    await app.log.append({
      ...{ stream, expected: 'any', events: [{ type: 'TenantPainted', data: { colour: 'blue' } }] },
      ...{ commandId: uuidv7(), actor: { kind: 'system' }, correlationId: 'test' },
    });
  });
  afterAll(() => app.close());

  const rename = ({ accessToken: token }: SignedUp) =>
    app.request('PATCH', '/v1/tenant', { token, payload: { name: 'Later' } });

  it('answers commands with 503 and a problem document, and appends nothing', async () => {
    const before = await app.log.head();
    const refused = await rename(ada);
    expect(refused.statusCode).toBe(503);
    expect(refused.headers['content-type']).toContain('application/problem+json');
    expect(refused.headers['retry-after']).toBe('1');
    expect(refused.json()).toMatchObject({
      status: 503,
      detail: 'A newer release has changed this resource, and this server cannot read the change. Try again later.',
    });
    expect(await app.log.head()).toBe(before);
  });

  it('can be read', async () => {
    for (const url of ['/v1/tenant', '/v1/members', '/v1/me'])
      expect([url, (await app.get(url, ada.accessToken)).statusCode]).toEqual([url, 200]);
  });

  it('does not affect another tenant', async () => {
    expect((await rename(bob)).statusCode).toBe(200);
    expect((await app.get('/v1/tenant', bob.accessToken)).json()).toMatchObject({ name: 'Later' });
  });
});
