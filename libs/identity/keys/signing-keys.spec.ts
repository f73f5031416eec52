import { createPublicKey, sign, verify } from 'node:crypto';
import type { Pool } from 'pg';
import { createPool } from '#platform/database/connections/pools';
import { uuidv7 } from '#platform/ids/uuid';
import { silentLogger } from '#platform/logging/logger.port';
import { sleep } from '#platform/loops/backoff';
import { createTestDatabase, TEST_SECRET_KEY, type TestDatabase } from '#testing/database';
import {
  listSigningKeys,
  RotationRefused,
  revokeSigningKey,
  rotateSigningKeys,
  SecretKeyMismatch,
} from './signing-key-store';
import { openSigningKeys, type SigningKeys } from './signing-keys';

const OTHER_KEY = Buffer.alloc(32, 9);

describe('signing keys', () => {
  let database: TestDatabase;
  let pool: Pool;
  let operator: Pool;
  let owner: Pool;
  const opened: SigningKeys[] = [];

  beforeEach(async () => {
    database = await createTestDatabase();
    pool = createPool({ url: database.urls.app, max: 8, applicationName: 'test', onError: () => {} });
    operator = createPool({ url: database.urls.operator, max: 2, applicationName: 'test' });
    owner = createPool({ url: database.urls.owner, max: 1, applicationName: 'test' });
  });

  afterEach(async () => {
    jest.restoreAllMocks();
    for (const keys of opened.splice(0)) keys.close();
    await Promise.all([pool.end(), operator.end(), owner.end()]);
    await database.drop();
  });

  /** By default it reads the keys again only for an unknown key. */
  const open = async (secretKey = TEST_SECRET_KEY, everyMs = 600_000): Promise<SigningKeys> => {
    const keys = await openSigningKeys({ pool, secretKey, logger: silentLogger, everyMs });
    opened.push(keys);
    return keys;
  };
  const until = async (condition: () => boolean): Promise<void> => {
    for (const end = performance.now() + 5_000; !condition(); await sleep(10))
      if (performance.now() > end) throw new Error(`still false after 5 s: ${condition}`);
  };
  const rotate = (minAgeSeconds = 0, secretKey = TEST_SECRET_KEY) =>
    rotateSigningKeys(operator, secretKey, minAgeSeconds);
  /** Moves the clock, to pass the time in which an unknown key causes no other read. */
  const later = (ms: number): void => {
    const now = Date.now();
    jest.spyOn(Date, 'now').mockReturnValue(now + ms);
  };

  it('are created once by processes that start at the same time', async () => {
    const all = await Promise.all(Array.from({ length: 6 }, () => open()));
    expect(new Set(all.map((keys) => keys.current().kid)).size).toBe(1);
    const { rows } = await owner.query('select state from identity.signing_keys order by state');
    expect(rows).toEqual([{ state: 'current' }, { state: 'next' }]);
  });

  it('are published without their private parts, the next one included', async () => {
    const keys = await open();
    const jwks = keys.jwks();
    expect(jwks).toHaveLength(2);
    for (const jwk of jwks) expect(Object.keys(jwk).sort()).toEqual(['alg', 'crv', 'kid', 'kty', 'use', 'x', 'y']);
    const published = jwks.find(({ kid }) => kid === keys.current().kid);
    const text = Buffer.from('text');
    const signature = sign('sha256', text, keys.current().privateKey);
    expect(verify('sha256', text, createPublicKey({ key: published ?? {}, format: 'jwk' }), signature)).toBe(true);
  });

  it('are stored encrypted: the database holds no usable private key', async () => {
    await open();
    const { rows } = await owner.query<{ private_key: Buffer }>('select private_key from identity.signing_keys');
    // The identifier of an EC key, which every unencrypted PKCS #8 of this curve contains.
    for (const row of rows) expect(row.private_key.includes(Buffer.from('2a8648ce3d0201', 'hex'))).toBe(false);
  });

  it('cannot be decrypted with another SECRET_KEY, and the error names it', async () => {
    await open();
    const error = await open(OTHER_KEY).catch((it: unknown) => it);
    expect(error).toBeInstanceOf(SecretKeyMismatch);
    expect(error).toMatchObject({
      name: 'SettingsError',
      message: expect.stringMatching(/^SECRET_KEY differs from the one/),
    });
  });

  it('rotate: next, current, retired; every process verifies what any process signs', async () => {
    const [here, there] = [await open(), await open()];
    const first = here.current().kid;
    const second = here.jwks().find(({ kid }) => kid !== first)?.['kid'];
    await rotate();
    // A process that has not read the keys since then continues with the old key, and already knows the new one.
    expect(there.current().kid).toBe(first);
    expect(await there.find(String(second))).toBeDefined();
    const fresh = await open();
    expect(fresh.current().kid).toBe(second);
    expect(await fresh.find(first)).toBeDefined();
    expect(fresh.jwks()).toHaveLength(3);
  });

  it('are read again for an unknown key, and then the new current one signs', async () => {
    const keys = await open();
    await rotate();
    await rotate();
    const fresh = await open();
    later(3_000);
    expect(await keys.find(fresh.current().kid)).toBeDefined();
    expect(keys.current().kid).toBe(fresh.current().kid);
  });

  it('are not read again for each made-up key id', async () => {
    const keys = await open();
    later(3_000);
    const query = jest.spyOn(pool, 'connect');
    await Promise.all(Array.from({ length: 50 }, () => keys.find(uuidv7())));
    await keys.find(uuidv7());
    expect(query).toHaveBeenCalledTimes(1);
  });

  it('that cannot be read cause an error for an unknown key, so that no valid token is called invalid', async () => {
    const keys = await open();
    later(3_000);
    jest.spyOn(pool, 'connect').mockImplementation(() => Promise.reject(new Error('not available')));
    await expect(keys.find(uuidv7())).rejects.toThrow('not available');
    await expect(keys.find(uuidv7())).rejects.toThrow('not available');
    expect(await keys.find(keys.current().kid)).toBeDefined();
  });

  it('do not rotate to a key that was not published for long enough', async () => {
    await open();
    await expect(rotate(600)).rejects.toBeInstanceOf(RotationRefused);
    await owner.query(`update identity.signing_keys set created_at = created_at - interval '11 minutes'`);
    await rotate(600);
    await expect(rotate(600)).rejects.toThrow(/Rotate in \d+ seconds/);
  });

  it('do not rotate with another SECRET_KEY, because no process could sign any more', async () => {
    await open();
    await expect(rotate(0, OTHER_KEY)).rejects.toBeInstanceOf(SecretKeyMismatch);
    await open();
  });

  it('sign at once with the next one if the rotation does not wait for its publication', async () => {
    const keys = await open(TEST_SECRET_KEY, 20);
    const former = keys.current().kid;
    await rotate(0);
    await until(() => keys.current().kid !== former);
    expect(await keys.find(former)).toBeDefined();
  });

  it('that are revoked verify nothing in any process, and another one signs', async () => {
    const [here, there] = [await open(TEST_SECRET_KEY, 20), await open(TEST_SECRET_KEY, 20)];
    const leaked = here.current().kid;
    let notifications = 0;
    there.onRevoked(() => {
      notifications += 1;
    });
    expect(await revokeSigningKey(operator, TEST_SECRET_KEY, leaked)).toBe('current');
    for (const keys of [here, there]) {
      await until(() => keys.current().kid !== leaked);
      expect(await keys.find(leaked)).toBeUndefined();
      expect(keys.jwks().map(({ kid }) => kid)).not.toContain(leaked);
    }
    expect(notifications).toBe(1);
    expect((await listSigningKeys(operator)).map(({ state }) => state)).toEqual(['current', 'next']);
    expect((await open()).current().kid).toBe(here.current().kid);
  });

  it('that are revoked before they become current, or after, leave the current one unchanged', async () => {
    const keys = await open();
    const retired = keys.current().kid;
    await rotate();
    const [, current, next] = await listSigningKeys(operator);
    expect(await revokeSigningKey(operator, TEST_SECRET_KEY, retired)).toBe('retired');
    expect(await revokeSigningKey(operator, TEST_SECRET_KEY, String(next?.kid))).toBe('next');
    const [first, second, ...rest] = await listSigningKeys(operator);
    expect([first?.kid, first?.state, second?.state, rest]).toEqual([current?.kid, 'current', 'next', []]);
    expect(second?.kid).not.toBe(next?.kid);
  });

  it('are not revoked by an unknown id, nor with another SECRET_KEY', async () => {
    const keys = await open();
    await expect(revokeSigningKey(operator, TEST_SECRET_KEY, uuidv7())).rejects.toBeInstanceOf(RotationRefused);
    const revoking = revokeSigningKey(operator, OTHER_KEY, keys.current().kid);
    await expect(revoking).rejects.toBeInstanceOf(SecretKeyMismatch);
    expect((await open()).current().kid).toBe(keys.current().kid);
  });

  it('are deleted two days after they retired', async () => {
    const keys = await open();
    const first = keys.current().kid;
    await rotate();
    await owner.query(`update identity.signing_keys set retired_at = retired_at - interval '49 hours' where kid = $1`, [
      first,
    ]);
    expect(await (await open()).find(first)).toBeUndefined();
    await rotate();
    const { rows } = await owner.query('select 1 from identity.signing_keys where kid = $1', [first]);
    expect(rows).toEqual([]);
  });
});
