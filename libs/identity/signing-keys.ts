import { createPrivateKey, createPublicKey, generateKeyPairSync, type JsonWebKey, type KeyObject } from 'node:crypto';
import type { Pool, PoolClient } from 'pg';
import { sleep } from '../platform/backoff';
import { inTransaction, withClient } from '../platform/database/pools';
import { uuidv7 } from '../platform/ids/uuid';
import type { Logger } from '../platform/logger.port';
import { createSealer, deriveKey, type Sealer } from '../platform/seal';

/** ES256: the strongest that jsonwebtoken, under passport-jwt, signs with a small key. */
export const ALGORITHM = 'ES256';

export interface SigningKey {
  readonly kid: string;
  readonly privateKey: KeyObject;
}

/** The keys of the database can't be opened; the message names the setting. */
export class SecretKeyMismatch extends Error {
  override readonly name = 'SettingsError';
}

interface KeyRow {
  readonly kid: string;
  readonly public_jwk: JsonWebKey;
  readonly private_key: Buffer;
  readonly state: 'next' | 'current' | 'retired';
}

/** One process at a time makes keys. */
const LOCK = 7301948;
const REFRESH_MS = 60_000;
/** A token may name a key that another process has just made; strangers' made-up key ids must not cost a query each. */
const UNKNOWN_KID_MS = 2_000;

const contextOf = (kid: string): string => `signing key ${kid}`;

const createKey = async (client: PoolClient, sealer: Sealer, state: KeyRow['state']): Promise<void> => {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const kid = uuidv7();
  const sealed = sealer.seal(privateKey.export({ format: 'der', type: 'pkcs8' }), contextOf(kid));
  await client.query(
    'insert into identity.signing_keys (kid, public_jwk, private_key, state) values ($1, $2, $3, $4)',
    [kid, JSON.stringify(publicKey.export({ format: 'jwk' })), sealed, state],
  );
};

/** Makes a current key, and the next one, where there is none yet. */
const ensureKeys = (pool: Pool, sealer: Sealer): Promise<void> =>
  inTransaction(pool, async (client) => {
    await client.query('select pg_advisory_xact_lock($1)', [LOCK]);
    const { rows } = await client.query<{ state: string }>('select state from identity.signing_keys');
    for (const state of ['current', 'next'] as const) {
      if (!rows.some((row) => row.state === state)) await createKey(client, sealer, state);
    }
  });

/**
 * Puts the next key in the place of the current one and makes a new next one. Tokens of the old key stay good until they
 * expire; every process knew the new one for as long as it was the next.
 */
export const rotateKeys = (pool: Pool, secretKey: Buffer): Promise<void> =>
  inTransaction(pool, async (client) => {
    await client.query('select pg_advisory_xact_lock($1)', [LOCK]);
    await client.query(
      `update identity.signing_keys set state = 'retired', retired_at = now() where state = 'current'`,
    );
    await client.query(`update identity.signing_keys set state = 'current' where state = 'next'`);
    await createKey(client, createSealer(deriveKey(secretKey, 'signing keys')), 'next');
  });

export interface SigningKeysOptions {
  /** Connects as the app role. */
  readonly pool: Pool;
  readonly secretKey: Buffer;
  readonly logger: Logger;
}

/**
 * The keys that access tokens are signed with, shared by all processes through the database, sealed under SECRET_KEY.
 * @throws SecretKeyMismatch at the start, where they were sealed under another one
 */
export const openSigningKeys = async ({ pool, secretKey, logger }: SigningKeysOptions) => {
  const sealer = createSealer(deriveKey(secretKey, 'signing keys'));
  const verifying = new Map<string, KeyObject>();
  const stopping = new AbortController();
  let jwks: readonly JsonWebKey[] = [];
  let current: SigningKey | undefined;
  let lookedAt = 0;

  const look = async (): Promise<void> => {
    const { rows } = await withClient(pool, (client) =>
      client.query<KeyRow>({
        name: 'signing-keys',
        text: `select kid, public_jwk, private_key, state from identity.signing_keys
          where state <> 'retired' or retired_at > now() - interval '2 days' order by created_at`,
      }),
    );
    lookedAt = Date.now();
    verifying.clear();
    for (const { kid, public_jwk, private_key, state } of rows) {
      verifying.set(kid, createPublicKey({ key: public_jwk, format: 'jwk' }));
      if (state !== 'current' || current?.kid === kid) continue;
      const der = sealer.open(private_key, contextOf(kid));
      if (!der)
        throw new SecretKeyMismatch(
          'SECRET_KEY is not the one under which this database keeps its signing keys. Use the SECRET_KEY that it was first started with.',
        );
      current = { kid, privateKey: createPrivateKey({ key: der, format: 'der', type: 'pkcs8' }) };
    }
    jwks = rows.map(({ kid, public_jwk }) => ({ ...public_jwk, kid, use: 'sig', alg: ALGORITHM }));
  };

  await look();
  if (!current) {
    await ensureKeys(pool, sealer);
    await look();
  }
  void (async () => {
    for (await sleep(REFRESH_MS, stopping.signal); !stopping.signal.aborted; await sleep(REFRESH_MS, stopping.signal))
      await look().catch((error: unknown) => logger.warn({ err: error }, 'the signing keys could not be read'));
  })();

  return {
    /** The key that tokens are signed with now. */
    current: (): SigningKey => {
      if (!current) throw new Error('there is no signing key');
      return current;
    },
    /** Undefined for a key that is not ours. */
    find: async (kid: string): Promise<KeyObject | undefined> => {
      if (!verifying.has(kid) && Date.now() - lookedAt > UNKNOWN_KID_MS) await look();
      return verifying.get(kid);
    },
    /** The public keys, for `GET /.well-known/jwks.json`. */
    jwks: (): readonly JsonWebKey[] => jwks,
    close: (): void => stopping.abort(),
  };
};

export type SigningKeys = Awaited<ReturnType<typeof openSigningKeys>>;
