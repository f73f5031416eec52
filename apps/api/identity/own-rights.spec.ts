import { joined } from '../../../test/support/facts';
import { createIdentityApp, type IdentityApp, type SignedUp } from '../../../test/support/identity-app';

/** Writes that take away the right by which they were made. */
describe('whoever gives up their own right', () => {
  let app: IdentityApp;

  beforeAll(async () => {
    app = await createIdentityApp();
  });
  afterAll(() => app.close());

  const found = async (): Promise<{ owner: SignedUp; second: string }> => {
    const owner = await app.signUp({ companyName: 'Acme' });
    const second = (await app.signUp()).user.id;
    await app.happen(owner.tenant.id, joined(second, 'owner'));
    return { owner, second };
  };

  it.each([
    ['by leaving', 'DELETE', (own: string) => `/v1/members/${own}`, () => undefined, 401],
    ['by stepping down', 'PATCH', (own: string) => `/v1/members/${own}`, () => ({ role: 'member' }), 403],
    ['by handing over', 'POST', () => '/v1/tenant/transfer', (second: string) => ({ userId: second }), 403],
    ['by closing the company', 'DELETE', () => '/v1/tenant', () => ({ confirmName: 'Acme' }), 401],
  ] as const)('%s is told again what came of it, and of nothing else', async (_, method, url, payload, refused) => {
    const { owner, second } = await found();
    const body = payload(second);
    const ask = (key: string) =>
      app.ask(method, url(owner.user.id), {
        token: owner.accessToken,
        headers: { 'idempotency-key': key },
        ...(body && { payload: body }),
      });
    const first = await ask('given up');
    expect(first.statusCode).toBeLessThan(300);
    const again = await ask('given up');
    expect(again.statusCode).toBe(first.statusCode);
    expect(again.headers['idempotent-replayed']).toBe('true');
    expect(again.body).toBe(first.body);
    expect((await ask('another key')).statusCode).toBe(refused);
    // A refusal is not kept: whoever gets the right back may use the key.
    expect((await ask('another key')).headers['idempotent-replayed']).toBeUndefined();
  });
});
