import { setTimeout as sleep } from 'node:timers/promises';
import { revokeSigningKey, rotateSigningKeys } from '#identity/keys/signing-key-store';
import { openSigningKeys } from '#identity/keys/signing-keys';
import { type AccessClaims, createAccessTokens } from '#identity/tokens/access-tokens';
import { createPool } from '#platform/database/connections/pools';
import { silentLogger } from '#platform/logging/logger.port';
import { createIdentityApp, type IdentityApp } from '#test/support/identity-app';
import { TEST_SECRET_KEY } from '#testing/database';

const part = (token: string, at: number): Record<string, unknown> =>
  JSON.parse(Buffer.from(token.split('.')[at] ?? '', 'base64url').toString());
const keyOf = (token: string): unknown => part(token, 0)['kid'];

/** `tenantry keys rotate` and `tenantry keys revoke` while API processes run. */
describe('a rotation of the signing keys', () => {
  let running: IdentityApp;
  beforeAll(async () => {
    running = await createIdentityApp(undefined, { keysEveryMs: 600_000 });
  });
  afterAll(() => running.close());

  const rotate = async (): Promise<void> => {
    const operator = createPool({ url: running.database.urls.operator, max: 1, applicationName: 'test' });
    await rotateSigningKeys(operator, TEST_SECRET_KEY, 0).finally(() => operator.end());
  };
  const revoke = async (kid: string): Promise<void> => {
    const operator = createPool({ url: running.database.urls.operator, max: 1, applicationName: 'test' });
    await revokeSigningKey(operator, TEST_SECRET_KEY, kid).finally(() => operator.end());
  };
  /** The same claims, signed by a process that has just started. */
  const signAgain = async (token: string): Promise<string> => {
    const keys = await openSigningKeys({ pool: running.pool, secretKey: TEST_SECRET_KEY, logger: silentLogger });
    keys.close();
    return createAccessTokens(keys, 900).issue(part(token, 1) as unknown as AccessClaims);
  };

  it('keeps all tokens valid: every process accepts tokens of the old and of the new key', async () => {
    const [seen, unseen] = [await running.signUp(), await running.signUp()];
    expect((await running.get('/v1/me', seen.accessToken)).statusCode).toBe(200);
    await rotate();
    const resigned = await signAgain(unseen.accessToken);
    expect(keyOf(resigned)).not.toBe(keyOf(unseen.accessToken));
    // This process has not read the keys since the rotation.
    for (const token of [seen.accessToken, unseen.accessToken, resigned])
      expect((await running.get('/v1/me', token)).statusCode).toBe(200);
    const late = await running.signUp();
    expect(keyOf(late.accessToken)).toBe(keyOf(unseen.accessToken));

    const started = await createIdentityApp(running);
    try {
      for (const token of [seen.accessToken, unseen.accessToken, resigned, late.accessToken])
        expect((await started.get('/v1/me', token)).statusCode).toBe(200);
      expect((await started.app.inject({ url: '/.well-known/jwks.json' })).json().keys).toHaveLength(3);
    } finally {
      await started.close();
    }
  });

  it('that revokes a key makes every process refuse the tokens of this key, also those in its cache', async () => {
    const other = await createIdentityApp(running, { keysEveryMs: 50 });
    try {
      const { accessToken, refreshToken } = await other.signUp();
      const statusNow = async (): Promise<number> => (await other.get('/v1/me', accessToken)).statusCode;
      expect(await statusNow()).toBe(200);
      await revoke(String(keyOf(accessToken)));
      for (const end = Date.now() + 5_000; (await statusNow()) !== 401 && Date.now() < end; ) await sleep(20);
      expect(await statusNow()).toBe(401);
      const refreshed = await other.post('/v1/sessions/refresh', { refreshToken });
      expect(refreshed.statusCode).toBe(201);
      expect((await other.get('/v1/me', refreshed.json().accessToken)).statusCode).toBe(200);
    } finally {
      await other.close();
    }
  });
});
