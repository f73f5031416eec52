import { createPrivateKey, createPublicKey, generateKeyPairSync, type JsonWebKey, type KeyObject } from 'node:crypto';
import type { Pool, PoolClient } from 'pg';
import { inTransaction, withClient } from '#platform/database/connections/pools';
import { ADVISORY_LOCKS } from '#platform/database/locks/advisory-locks';
import { createSealer, deriveKey, type Sealer } from '#platform/encryption';
import { uuidv7 } from '#platform/ids/uuid';

/**
 * ES256 is the strongest algorithm with a small key that jsonwebtoken supports; passport-jwt verifies with
 * jsonwebtoken.
 */
export const ALGORITHM = 'ES256';

/** Days for which a retired key still verifies tokens: longer than any access token is valid. */
const OVERLAP_DAYS = 2;

/** The signing keys cannot be decrypted with this SECRET_KEY. The message names the setting. */
export class SecretKeyMismatch extends Error {
  override readonly name = 'SettingsError';
  constructor() {
    super(
      'SECRET_KEY differs from the one that encrypts the signing keys in this database. Use the SECRET_KEY of the first start.',
    );
  }
}

/** A rotation or revocation that is not possible now. The message says why, and what to do. */
export class RotationRefused extends Error {
  override readonly name = 'RotationRefused';
}

/** A key as the database holds it. */
export interface StoredKey {
  /** UUIDv7 */
  readonly kid: string;
  readonly publicJwk: JsonWebKey;
  /** PKCS #8, encrypted by the sealer of {@link signingKeySealer}. */
  readonly privateKey: Buffer;
  readonly state: 'next' | 'current' | 'retired';
}

export interface ListedKey extends Pick<StoredKey, 'kid' | 'state'> {
  readonly createdAt: Date;
  readonly retiredAt: Date | null;
}

/** One process at a time creates keys or changes their states. */
const LOCK = ADVISORY_LOCKS.movingSigningKeys;

const contextOf = (kid: string): string => `signing key ${kid}`;

/** Encrypts private keys with a key that is derived from SECRET_KEY. @param secretKey 32 bytes */
export const signingKeySealer = (secretKey: Buffer): Sealer => createSealer(deriveKey(secretKey, 'signing keys'));

/** Decrypts a private key. @throws SecretKeyMismatch it was encrypted with another SECRET_KEY */
export const openPrivateKey = ({ kid, privateKey }: StoredKey, sealer: Sealer): KeyObject => {
  const der = sealer.open(privateKey, contextOf(kid));
  if (!der) throw new SecretKeyMismatch();
  return createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
};

export const publicKeyOf = ({ publicJwk }: StoredKey): KeyObject => createPublicKey({ key: publicJwk, format: 'jwk' });

/** Every key that verifies tokens, the next one included; the oldest first. @param pool connects as the app role */
export const readSigningKeys = async (pool: Pool): Promise<StoredKey[]> => {
  const { rows } = await withClient(pool, (client) =>
    client.query<StoredKey>({
      name: 'signing-keys',
      text: `select kid, public_jwk as "publicJwk", private_key as "privateKey", state from identity.signing_keys
        where state <> 'retired' or retired_at > now() - make_interval(days => $1) order by created_at, kid`,
      values: [OVERLAP_DAYS],
    }),
  );
  return rows;
};

const createKey = async (client: PoolClient, sealer: Sealer, state: StoredKey['state']): Promise<void> => {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const kid = uuidv7();
  const sealed = sealer.seal(privateKey.export({ format: 'der', type: 'pkcs8' }), contextOf(kid));
  await client.query(
    'insert into identity.signing_keys (kid, public_jwk, private_key, state) values ($1, $2, $3, $4)',
    [kid, JSON.stringify(publicKey.export({ format: 'jwk' })), sealed, state],
  );
};

/** In a transaction, while no other process creates keys or changes their states. */
const withKeyLock = <T>(pool: Pool, work: (client: PoolClient) => Promise<T>): Promise<T> =>
  inTransaction(pool, async (client) => {
    await client.query('select pg_advisory_xact_lock($1)', [LOCK]);
    return work(client);
  });

/** Creates the current key and the next one, unless they exist. @param pool connects as the app role */
export const ensureSigningKeys = (pool: Pool, sealer: Sealer): Promise<void> =>
  withKeyLock(pool, async (client) => {
    const { rows } = await client.query<{ state: string }>('select state from identity.signing_keys');
    for (const state of ['current', 'next'] as const) {
      if (!rows.some((row) => row.state === state)) await createKey(client, sealer, state);
    }
  });

interface NextKey extends StoredKey {
  /** Seconds */
  readonly age: number;
}

/**
 * @throws RotationRefused there are no keys yet
 * @throws SecretKeyMismatch
 */
const readNextKey = async (client: PoolClient, sealer: Sealer): Promise<NextKey> => {
  const { rows } = await client.query<NextKey>(
    `select kid, public_jwk as "publicJwk", private_key as "privateKey", state,
       extract(epoch from clock_timestamp() - created_at)::float8 as age
     from identity.signing_keys where state = 'next'`,
  );
  const [next] = rows;
  if (!next) throw new RotationRefused('There are no signing keys yet. The first start of the API creates them.');
  // With another SECRET_KEY than the API's, no process could sign with this key, nor with the keys created here.
  openPrivateKey(next, sealer);
  return next;
};

/** Makes the next key the current one, and creates a new next key. There must be no current key when it is called. */
const promote = async (client: PoolClient, sealer: Sealer, next: NextKey): Promise<void> => {
  await client.query(`update identity.signing_keys set state = 'current' where kid = $1`, [next.kid]);
  await createKey(client, sealer, 'next');
};

/**
 * Makes the next key the current one, and creates a new next key. Tokens that were signed with the old key stay valid
 * until they expire. Other processes, and readers of the published keys, have known the new key since it became the
 * next one.
 * @param pool connects as the operator
 * @param minAgeSeconds how long the next key must have been published; 600 by default, which is twice as long as
 *   `jwks.json` may be cached. With 0, a reader with a cached `jwks.json` may refuse new tokens until it reads again
 * @throws RotationRefused the next key was not published for long enough, or there are no keys yet
 * @throws SecretKeyMismatch
 */
export const rotateSigningKeys = (pool: Pool, secretKey: Buffer, minAgeSeconds = 600): Promise<void> =>
  withKeyLock(pool, async (client) => {
    const sealer = signingKeySealer(secretKey);
    const next = await readNextKey(client, sealer);
    if (next.age < minAgeSeconds) {
      const seconds = Math.ceil(minAgeSeconds - next.age);
      throw new RotationRefused(
        `Not every process knows the next key yet. Rotate in ${seconds} seconds, or use --now.`,
      );
    }
    await client.query(
      `update identity.signing_keys set state = 'retired', retired_at = now() where state = 'current'`,
    );
    await promote(client, sealer, next);
    await client.query('delete from identity.signing_keys where retired_at < now() - make_interval(days => $1)', [
      OVERLAP_DAYS,
    ]);
  });

/**
 * Deletes a key at once: tokens that it has signed are no longer valid. If it was the current key, the next one becomes
 * current. A new next key is created if it is missing.
 * @param pool connects as the operator
 * @returns the state that the key had
 * @throws RotationRefused there is no such key
 * @throws SecretKeyMismatch
 */
export const revokeSigningKey = (pool: Pool, secretKey: Buffer, kid: string): Promise<StoredKey['state']> =>
  withKeyLock(pool, async (client) => {
    const sealer = signingKeySealer(secretKey);
    const { rows } = await client.query<Pick<StoredKey, 'state'>>(
      'delete from identity.signing_keys where kid = $1 returning state',
      [kid],
    );
    const [revoked] = rows;
    if (!revoked) throw new RotationRefused(`There is no signing key ${kid}; \`tenantry keys\` lists them.`);
    if (revoked.state === 'current') await promote(client, sealer, await readNextKey(client, sealer));
    if (revoked.state === 'next') await createKey(client, sealer, 'next');
    return revoked.state;
  });

/** Every key that signs or verifies tokens, the oldest first. @param pool connects as the operator */
export const listSigningKeys = async (pool: Pool): Promise<readonly ListedKey[]> => {
  const { rows } = await withClient(pool, (client) =>
    client.query<ListedKey>(
      `select kid, state, created_at as "createdAt", retired_at as "retiredAt" from identity.signing_keys
       where state <> 'retired' or retired_at > now() - make_interval(days => $1) order by created_at, kid`,
      [OVERLAP_DAYS],
    ),
  );
  return rows;
};
