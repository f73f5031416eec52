import { createHash } from 'node:crypto';
import { argon2id, hash, verify } from 'argon2';
import { Problem } from '#platform/problems';
import { tokenClass } from '#platform/token-class';

/** OWASP's first choice for argon2id: 19 MiB, two passes, one partition. */
const PARAMETERS = { type: argon2id, memoryCost: 19_456, timeCost: 2, parallelism: 1 } as const;

/** Characters (code points). The longest is 1,024 bytes: a password is no file. */
export const MIN_PASSWORD = 10;
export const MAX_PASSWORD = 256;

/**
 * A hash that no password fits, as far as anybody knows: its 32 bytes were made by no hashing. To verify a password
 * against it is the same work as against a user's own.
 */
const NOBODYS = (() => {
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
  /** Hashes at the same time; each takes 19 MiB and a core for some 30 ms. */
  readonly concurrency: number;
  /** Hashes that may wait; more are refused. 200 by default. */
  readonly maxWaiting?: number;
}

/**
 * Hashes and checks passwords, a few at a time: a flood of sign-ins waits or is turned away, and never takes the memory
 * and the cores that other requests need.
 */
export const createPasswords = ({ concurrency, maxWaiting = 200 }: PasswordOptions, work: Argon2 = argon2) => {
  let running = 0;
  const waiting: (() => void)[] = [];

  const inTurn = async <T>(task: () => Promise<T>): Promise<T> => {
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
      // The place passes from one to the next.
      if (next) next();
      else running -= 1;
    }
  };

  // One password can be typed in several ways; composed, it is one.
  const normalised = (password: string): string => password.normalize('NFC');

  return {
    /** @throws Problem dependency-unavailable where too many wait */
    hash: (password: string): Promise<string> => inTurn(() => work.hash(normalised(password))),
    /**
     * Whether the password is the one that was hashed. Without a hash (nobody has that address) the same work is done on
     * one that nothing fits, so that the time taken tells nothing.
     * @throws Problem dependency-unavailable where too many wait
     */
    verify: async (stored: string | undefined, password: string): Promise<boolean> => {
      const fits = await inTurn(() => work.verify(stored ?? NOBODYS, normalised(password)));
      return fits && stored !== undefined;
    },
  };
};

export abstract class Passwords extends tokenClass<ReturnType<typeof createPasswords>>() {}
