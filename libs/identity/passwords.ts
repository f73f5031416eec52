import { argon2id, hash, verify } from 'argon2';
import { Problem } from '../platform/problems';

/** OWASP's first choice for argon2id: 19 MiB, two passes, one lane. */
const PARAMETERS = { type: argon2id, memoryCost: 19_456, timeCost: 2, parallelism: 1 } as const;

/** Characters at least, bytes at most: a password is no file. */
export const MIN_PASSWORD = 10;
export const MAX_PASSWORD = 256;

export interface PasswordOptions {
  /** Hashes at the same time; each takes 19 MiB and a core for some 30 ms. */
  readonly concurrency: number;
  /** Hashes that may wait; more are refused. 200 unless given. */
  readonly maxWaiting?: number;
}

/**
 * Hashes and checks passwords, a few at a time: a flood of sign-ins waits or is turned away, and never takes the memory
 * and the cores that other requests need.
 */
export const createPasswords = ({ concurrency, maxWaiting = 200 }: PasswordOptions) => {
  let running = 0;
  const waiting: (() => void)[] = [];
  let dummy: Promise<string> | undefined;

  const inTurn = async <T>(work: () => Promise<T>): Promise<T> => {
    if (running >= concurrency) {
      if (waiting.length >= maxWaiting)
        throw new Problem('dependency-unavailable', {
          detail: 'Too many people sign in at this moment. Try again soon.',
          retryAfter: 2,
        });
      await new Promise<void>((resolve) => waiting.push(resolve));
    } else running += 1;
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      // The place passes from one to the next.
      if (next) next();
      else running -= 1;
    }
  };

  const normalised = (password: string): string => password.normalize('NFC');

  return {
    hash: (password: string): Promise<string> => inTurn(() => hash(normalised(password), PARAMETERS)),
    /**
     * Whether the password is the one that was hashed. Without a hash (nobody has that address) the same work is done on
     * one that nothing fits, so that the time taken tells nothing.
     */
    verify: async (stored: string | undefined, password: string): Promise<boolean> => {
      dummy ??= hash('nobody has this password', PARAMETERS);
      const against = stored ?? (await dummy);
      const fits = await inTurn(() => verify(against, normalised(password)));
      return fits && stored !== undefined;
    },
  };
};

export type Passwords = ReturnType<typeof createPasswords>;
