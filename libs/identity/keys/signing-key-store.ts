import { createPrivateKey, createPublicKey, generateKeyPairSync, type JsonWebKey, type KeyObject } from 'node:crypto';
import type { Pool, PoolClient } from 'pg';
import { inTransaction, withClient } from '#platform/database/connections/pools';
import { ADVISORY_LOCKS } from '#platform/database/locks/advisory-locks';
import { createSealer, deriveKey, type Sealer } from '#platform/encryption';
import { uuidv7 } from '#platform/ids/uuid';

/** ES256: the strongest that jsonwebtoken, under passport-jwt, signs with a small key. */
export const ALGORITHM = 'ES256';

/** Days for which a retired key still verifies: longer than any access token is valid for. */
const OVERLAP_DAYS = 2;

/** The keys of the database can't be opened; the message names the setting. */
export class SecretKeyMismatch extends Error {
  override readonly name = 'SettingsError';
  constructor() {
    super(
      'SECRET_KEY differs from the one that encrypts the signing keys in this database. Use the SECRET_KEY of the first start.',
    );
  }
}

/** A rotation that would do harm; the message says what and when. */
export class RotationRefused extends Error {
  override readonly name = 'RotationRefused';
}

/** A key as the database holds it. */
export interface StoredKey {
  /** UUIDv7 */
  readonly kid: string;
  readonly publicJwk: JsonWebKey;
  /** PKCS #8, sealed. */
  readonly privateKey: Buffer;
  readonly state: 'next' | 'current' | 'retired';
}

export interface ListedKey extends Pick<StoredKey, 'kid' | 'state'> {
  readonly createdAt: Date;
  readonly retiredAt: Date | null;
}

/** One process at a time makes or moves keys. */
const LOCK = ADVISORY_LOCKS.movingSigningKeys;

const contextOf = (kid: string): string => `signing key ${kid}`;

/** Seals private keys under SECRET_KEY. */
export const signingKeySealer = (secretKey: Buffer): Sealer => createSealer(deriveKey(secretKey, 'signing keys'));

/** @throws SecretKeyMismatch */
export const openPrivateKey = ({ kid, privateKey }: StoredKey, sealer: Sealer): KeyObject => {
  const der = sealer.open(privateKey, contextOf(kid));
  if (!der) throw new SecretKeyMismatch();
  return createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
};

export const publicKeyOf = ({ publicJwk }: StoredKey): KeyObject => createPublicKey({ key: publicJwk, format: 'jwk' });

/** Every key that tokens may still be signed with, the oldest first. @param pool connects as the app role */
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

/** Runs alone among all processes. */
const underLock = <T>(pool: Pool, work: (client: PoolClient) => Promise<T>): Promise<T> =>
  inTransaction(pool, async (client) => {
    await client.query('select pg_advisory_xact_lock($1)', [LOCK]);
    return work(client);
  });

/** Makes a current key, and the next one, where there is none yet. @param pool connects as the app role */
export const ensureSigningKeys = (pool: Pool, sealer: Sealer): Promise<void> =>
  underLock(pool, async (client) => {
    const { rows } = await client.query<{ state: string }>('select state from identity.signing_keys');
    for (const state of ['current', 'next'] as const) {
      if (!rows.some((row) => row.state === state)) await createKey(client, sealer, state);
    }
  });

interface NextKey extends StoredKey {
  /** Seconds */
  readonly age: number;
}

/** @throws RotationRefused @throws SecretKeyMismatch */
const nextKey = async (client: PoolClient, sealer: Sealer): Promise<NextKey> => {
  const { rows } = await client.query<NextKey>(
    `select kid, public_jwk as "publicJwk", private_key as "privateKey", state,
       extract(epoch from clock_timestamp() - created_at)::float8 as age
     from identity.signing_keys where state = 'next'`,
  );
  const [next] = rows;
  if (!next) throw new RotationRefused('There are no signing keys yet. The first start of the API creates them.');
  // No process could sign with it, nor with those that this one would make.
  openPrivateKey(next, sealer);
  return next;
};

/** There must be no current key when this is called. */
const putInPlace = async (client: PoolClient, sealer: Sealer, next: NextKey): Promise<void> => {
  await client.query(`update identity.signing_keys set state = 'current' where kid = $1`, [next.kid]);
  await createKey(client, sealer, 'next');
};

/**
 * Puts the next key in the place of the current one and makes a new next one. Tokens of the old key stay good until they
 * expire; every process, and anyone who reads the published keys, knew the new one for as long as it was the next.
 * @param pool connects as the operator
 * @param minAgeSeconds how long the next key must have been published: twice as long as `jwks.json` may be cached. 0: at
 * once, so that a reader with older published keys refuses the new tokens for a while
 * @throws RotationRefused the next key is not known everywhere yet
 * @throws SecretKeyMismatch
 */
export const rotateSigningKeys = (pool: Pool, secretKey: Buffer, minAgeSeconds = 600): Promise<void> =>
  underLock(pool, async (client) => {
    const sealer = signingKeySealer(secretKey);
    const next = await nextKey(client, sealer);
    if (next.age < minAgeSeconds) {
      const seconds = Math.ceil(minAgeSeconds - next.age);
      throw new RotationRefused(
        `Not every process knows the next key yet. Rotate in ${seconds} seconds, or use --now.`,
      );
    }
    await client.query(
      `update identity.signing_keys set state = 'retired', retired_at = now() where state = 'current'`,
    );
    await putInPlace(client, sealer, next);
    await client.query('delete from identity.signing_keys where retired_at < now() - make_interval(days => $1)', [
      OVERLAP_DAYS,
    ]);
  });

/**
 * Takes a key away for ever, at once: what it has signed is no longer good. In the place of the current one comes the
 * next, and a new next one in the place of that.
 * @param pool connects as the operator
 * @returns what it was
 * @throws RotationRefused there is no such key
 * @throws SecretKeyMismatch
 */
export const revokeSigningKey = (pool: Pool, secretKey: Buffer, kid: string): Promise<StoredKey['state']> =>
  underLock(pool, async (client) => {
    const sealer = signingKeySealer(secretKey);
    const { rows } = await client.query<Pick<StoredKey, 'state'>>(
      'delete from identity.signing_keys where kid = $1 returning state',
      [kid],
    );
    const [revoked] = rows;
    if (!revoked) throw new RotationRefused(`There is no signing key ${kid}; \`tenantry keys\` lists them.`);
    if (revoked.state === 'current') await putInPlace(client, sealer, await nextKey(client, sealer));
    if (revoked.state === 'next') await createKey(client, sealer, 'next');
    return revoked.state;
  });

/** Every key that is valid for something, the oldest first. @param pool connects as the operator */
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
