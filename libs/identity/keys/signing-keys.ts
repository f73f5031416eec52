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

/** What one process knows of the keys at one moment. */
interface Known {
  readonly current: SigningKey | undefined;
  readonly verifying: ReadonlyMap<string, KeyObject>;
  readonly jwks: readonly JsonWebKey[];
}

/** A key that was revoked is to be refused everywhere within a second or so. */
const LOOK_MS = 1_000;
/** A token may name a key that another process has just made; strangers' made-up key ids must not cost a query each. */
const UNKNOWN_KID_MS = 2_000;

export interface SigningKeysOptions {
  /** Connects as the app role. */
  readonly pool: Pool;
  readonly secretKey: Buffer;
  readonly logger: Logger;
  /** ms between two looks; 1,000 by default. */
  readonly everyMs?: number;
}

/**
 * The keys that access tokens are signed with, shared by all processes through the database, sealed under SECRET_KEY.
 * The first process makes them. They are read again every second, and when a token names one that is not known here.
 * @throws SecretKeyMismatch at the start, where they were sealed under another one
 */
export const openSigningKeys = async ({ pool, secretKey, logger, everyMs = LOOK_MS }: SigningKeysOptions) => {
  const sealer = signingKeySealer(secretKey);
  const stopping = new AbortController();
  let known: Known = { current: undefined, verifying: new Map(), jwks: [] };
  let lookedAt = 0;
  let looking: Promise<void> | undefined;
  /** Why the last look came to nothing. */
  let failure: unknown;
  const listeners: (() => void)[] = [];

  /** The current key, opened; the one from before where this process can't open it. */
  const currentOf = (stored: readonly StoredKey[]): SigningKey | undefined => {
    const now = stored.find(({ state }) => state === 'current');
    if (!now || now.kid === known.current?.kid) return known.current;
    try {
      return { kid: now.kid, privateKey: openPrivateKey(now, sealer) };
    } catch (error) {
      if (!known.current) throw error;
      logger.error(
        { err: error, kid: now.kid },
        'the new signing key cannot be decrypted; tokens are signed with the old key',
      );
      return known.current;
    }
  };

  const learn = (stored: readonly StoredKey[]): void => {
    const before = known.verifying;
    known = {
      current: currentOf(stored),
      verifying: new Map(stored.map((key) => [key.kid, known.verifying.get(key.kid) ?? publicKeyOf(key)])),
      jwks: stored.map(({ kid, publicJwk }) => ({ ...publicJwk, kid, use: 'sig', alg: ALGORITHM })),
    };
    if ([...before.keys()].some((kid) => !known.verifying.has(kid))) for (const tell of listeners) tell();
  };

  /** Callers at the same time share one query. */
  const look = (): Promise<void> => {
    looking ??= readSigningKeys(pool)
      .then((stored) => {
        learn(stored);
        failure = undefined;
      })
      .catch((error: unknown) => {
        failure = error;
        throw error;
      })
      .finally(() => {
        lookedAt = Date.now();
        looking = undefined;
      });
    return looking;
  };

  await look();
  if (!known.current) {
    await ensureSigningKeys(pool, sealer);
    await look();
  }
  void (async () => {
    let away = false;
    for (await sleep(everyMs, stopping.signal); !stopping.signal.aborted; await sleep(everyMs, stopping.signal)) {
      await look().then(
        () => {
          if (away) logger.info({}, 'the signing keys can be read again');
          away = false;
        },
        (error: unknown) => {
          if (!away) logger.warn({ err: error }, 'the signing keys cannot be read; the keys in memory stay in use');
          away = true;
        },
      );
    }
  })();

  return {
    /** The key that tokens are signed with now. */
    current: (): SigningKey => {
      if (!known.current) throw new Error('there is no signing key');
      return known.current;
    },
    /** Undefined for a key that is not ours. @throws what the database throws while it is not available */
    find: async (kid: string): Promise<KeyObject | undefined> => {
      const key = known.verifying.get(kid);
      if (key) return key;
      if (Date.now() - lookedAt > UNKNOWN_KID_MS) await look();
      // It may be a key of ours; nobody can tell.
      else if (failure !== undefined) throw failure;
      return known.verifying.get(kid);
    },
    /** The public keys, for `GET /.well-known/jwks.json`. */
    jwks: (): readonly JsonWebKey[] => known.jwks,
    /** Tells whenever a key no longer verifies. */
    onRevoked: (listener: () => void): void => {
      listeners.push(listener);
    },
    close: (): void => stopping.abort(),
  };
};

export abstract class SigningKeys extends tokenClass<Awaited<ReturnType<typeof openSigningKeys>>>() {}
