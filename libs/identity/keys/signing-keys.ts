import type { JsonWebKey, KeyObject } from 'node:crypto';
import type { Pool } from 'pg';
import type { Logger } from '#platform/logging/logger.port';
import { sleep } from '#platform/loops/backoff';
import { tokenClass } from '#platform/token-class';
import {
  ALGORITHM,
  ensureSigningKeys,
  openPrivateKey,
  publicKeyOf,
  readSigningKeys,
  type StoredKey,
  signingKeySealer,
} from './signing-key-store';

export interface SigningKey {
  readonly kid: string;
  readonly privateKey: KeyObject;
}

/** The keys that this process read last. */
interface KnownKeys {
  readonly current: SigningKey | undefined;
  /** By key id. */
  readonly verifying: ReadonlyMap<string, KeyObject>;
  readonly jwks: readonly JsonWebKey[];
}

/** Every process must refuse a revoked key after about a second. */
const READ_EVERY_MS = 1_000;
/**
 * Milliseconds after a read in which an unknown key id causes no other read. A token may name a key that another
 * process has just created, but a made-up key id must not cost a query each time.
 */
const UNKNOWN_KID_MS = 2_000;

export interface SigningKeysOptions {
  /** Connects as the app role. */
  readonly pool: Pool;
  readonly secretKey: Buffer;
  readonly logger: Logger;
  /** Milliseconds between two reads; 1,000 by default. */
  readonly everyMs?: number;
}

/**
 * The keys that sign access tokens. All processes share them through the database, where private keys are encrypted
 * with SECRET_KEY. The first process creates the keys. A process reads them again every second, and when a token names
 * an unknown key.
 * @throws SecretKeyMismatch the keys were encrypted with another SECRET_KEY
 * @throws the error of the database if the first read fails
 */
export const openSigningKeys = async ({ pool, secretKey, logger, everyMs = READ_EVERY_MS }: SigningKeysOptions) => {
  const sealer = signingKeySealer(secretKey);
  const stopping = new AbortController();
  let known: KnownKeys = { current: undefined, verifying: new Map(), jwks: [] };
  let readAt = 0;
  let reading: Promise<void> | undefined;
  /** The error of the last read; undefined if it succeeded. */
  let failure: unknown;
  const listeners: (() => void)[] = [];

  /** The current key, decrypted; the one before it if this process cannot decrypt it. */
  const currentOf = (stored: readonly StoredKey[]): SigningKey | undefined => {
    const current = stored.find(({ state }) => state === 'current');
    if (!current || current.kid === known.current?.kid) return known.current;
    try {
      return { kid: current.kid, privateKey: openPrivateKey(current, sealer) };
    } catch (error) {
      if (!known.current) throw error;
      logger.error(
        { err: error, kid: current.kid },
        'the new signing key cannot be decrypted; tokens are signed with the old key',
      );
      return known.current;
    }
  };

  const update = (stored: readonly StoredKey[]): void => {
    const before = known.verifying;
    known = {
      current: currentOf(stored),
      verifying: new Map(stored.map((key) => [key.kid, known.verifying.get(key.kid) ?? publicKeyOf(key)])),
      jwks: stored.map(({ kid, publicJwk }) => ({ ...publicJwk, kid, use: 'sig', alg: ALGORITHM })),
    };
    if ([...before.keys()].some((kid) => !known.verifying.has(kid))) for (const notify of listeners) notify();
  };

  /** Simultaneous callers share one query. */
  const read = (): Promise<void> => {
    reading ??= readSigningKeys(pool)
      .then((stored) => {
        update(stored);
        failure = undefined;
      })
      .catch((error: unknown) => {
        failure = error;
        throw error;
      })
      .finally(() => {
        readAt = Date.now();
        reading = undefined;
      });
    return reading;
  };

  await read();
  if (!known.current) {
    await ensureSigningKeys(pool, sealer);
    await read();
  }
  void (async () => {
    let failing = false;
    for (await sleep(everyMs, stopping.signal); !stopping.signal.aborted; await sleep(everyMs, stopping.signal)) {
      await read().then(
        () => {
          if (failing) logger.info({}, 'the signing keys can be read again');
          failing = false;
        },
        (error: unknown) => {
          if (!failing) logger.warn({ err: error }, 'the signing keys cannot be read; the keys in memory stay in use');
          failing = true;
        },
      );
    }
  })();

  return {
    /** The key that signs tokens now. */
    current: (): SigningKey => {
      if (!known.current) throw new Error('there is no signing key');
      return known.current;
    },
    /**
     * The public key with this id.
     * @returns undefined if there is no such key
     * @throws the error of the database if this process does not know the key and the last read failed
     */
    find: async (kid: string): Promise<KeyObject | undefined> => {
      const key = known.verifying.get(kid);
      if (key) return key;
      if (Date.now() - readAt > UNKNOWN_KID_MS) await read();
      // Another process may have created the key since the last successful read.
      else if (failure !== undefined) throw failure;
      return known.verifying.get(kid);
    },
    /** The public keys, for `GET /.well-known/jwks.json`. */
    jwks: (): readonly JsonWebKey[] => known.jwks,
    /** Calls `listener` each time that a key no longer verifies tokens. */
    onRevoked: (listener: () => void): void => {
      listeners.push(listener);
    },
    close: (): void => stopping.abort(),
  };
};

export abstract class SigningKeys extends tokenClass<Awaited<ReturnType<typeof openSigningKeys>>>() {}
