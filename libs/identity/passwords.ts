import { createHash } from 'node:crypto';
import { argon2id, hash, verify } from 'argon2';
import { Problem } from '#platform/problems';
import { tokenClass } from '#platform/token-class';

/** The parameters that OWASP recommends first for argon2id: 19 MiB, two passes, one lane. */
const PARAMETERS = { type: argon2id, memoryCost: 19_456, timeCost: 2, parallelism: 1 } as const;

/** In Unicode code points. The longest password has at most 1,024 bytes in UTF-8. */
export const MIN_PASSWORD = 10;
export const MAX_PASSWORD = 256;

/**
 * A hash that no known password matches: its 32 bytes are not the output of argon2. To verify a password against it is
 * the same work as to verify it against the hash of a user.
 */
const UNMATCHED_HASH = (() => {
  const { memoryCost, timeCost, parallelism } = PARAMETERS;
  const base64 = (label: string, bytes: number): string =>
    createHash('sha256').update(label).digest().subarray(0, bytes).toString('base64').replaceAll('=', '');
  const parameters = `m=${memoryCost},t=${timeCost},p=${parallelism}`;
  return `$argon2id$v=19$${parameters}$${base64('salt of nobody', 16)}$${base64('hash of nobody', 32)}`;
})();

/** The argon2id functions; a spec counts their calls. */
export interface Argon2 {
  hash(password: string): Promise<string>;
  /** @param stored in PHC format, with its parameters */
  verify(stored: string, password: string): Promise<boolean>;
}

const argon2: Argon2 = {
  hash: (password) => hash(password, PARAMETERS),
  verify: (stored, password) => verify(stored, password),
};

export interface PasswordOptions {
  /** Hashes that are computed at the same time. Each needs 19 MiB, and one core for about 30 ms. */
  readonly concurrency: number;
  /** The maximum number of hashes that wait; further ones are refused. 200 by default. */
  readonly maxWaiting?: number;
}

/**
 * Hashes and verifies passwords, a few at a time. Many sign-ins at once wait or are refused, so that they leave memory
 * and cores for other requests.
 */
export const createPasswords = ({ concurrency, maxWaiting = 200 }: PasswordOptions, work: Argon2 = argon2) => {
  let running = 0;
  const waiting: (() => void)[] = [];

  const queued = async <T>(task: () => Promise<T>): Promise<T> => {
    if (running >= concurrency) {
      if (waiting.length >= maxWaiting)
        throw new Problem('dependency-unavailable', {
          detail: 'Too many users are signing in right now. Try again after the seconds in Retry-After.',
          retryAfter: 2,
        });
      await new Promise<void>((resolve) => waiting.push(resolve));
    } else running += 1;
    try {
      return await task();
    } finally {
      const next = waiting.shift();
      // The next task takes this place, so `running` does not change.
      if (next) next();
      else running -= 1;
    }
  };

  // Keyboards compose letters with accents in different ways. The composed form (NFC) is the same for all of them.
  const normalised = (password: string): string => password.normalize('NFC');

  return {
    /** @throws Problem dependency-unavailable if too many hashes wait */
    hash: (password: string): Promise<string> => queued(() => work.hash(normalised(password))),
    /**
     * Whether the password is the one that was hashed. Without a hash (no user has the address) the same work is done
     * and the result is false, so that the duration does not reveal whether an account exists.
     * @throws Problem dependency-unavailable if too many hashes wait
     */
    verify: async (stored: string | undefined, password: string): Promise<boolean> => {
      const matches = await queued(() => work.verify(stored ?? UNMATCHED_HASH, normalised(password)));
      return matches && stored !== undefined;
    },
  };
};

export abstract class Passwords extends tokenClass<ReturnType<typeof createPasswords>>() {}
