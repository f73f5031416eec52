import type { FailedSignIns } from '#identity/facts/failed-sign-ins';
import type { Passwords } from '#identity/passwords';
import { createKeyedQueue } from '#platform/loops/keyed-queue';
import { tokenClass } from '#platform/token-class';
import type { AccountThrottle } from '../../http/limits/account-throttle';
import type { ClientInfo } from '../../http/requests/client';

export interface PasswordAttempt {
  /** `emailKey` of the address, whether or not an account has it. */
  readonly account: string;
  readonly client: ClientInfo;
  readonly password: string;
}

interface StoredCredentials {
  readonly userId: string;
  readonly passwordHash: string;
  /** The user has signed in from the network of the attempt before. */
  readonly familiar: boolean;
}

/** Reverts the count of an attempt if `work` fails: only an attempt whose password was checked is a guess. */
const withRevertOnError = async <T>(work: Promise<T>, revert: () => Promise<void>): Promise<T> => {
  try {
    return await work;
  } catch (error) {
    // If the counters cannot be reached, the attempt was most likely not counted. The client gets the first error.
    await revert().catch(() => undefined);
    throw error;
  }
};

export interface PasswordCheckDeps {
  readonly passwords: Passwords;
  readonly throttle: AccountThrottle;
  readonly countFailed: FailedSignIns;
}

/**
 * The only way to check a password: attempts are throttled by account and network, and an unknown account costs the
 * same work as an existing one.
 */
export const createPasswordCheck = ({ passwords, throttle, countFailed }: PasswordCheckDeps) => {
  /**
   * Attempts of one account and network run one after another: an attempt counts as wrong until its password is
   * checked, so many at the same time would be refused although all of their passwords are right.
   */
  const inSequence = createKeyedQueue();

  const check = async <Found extends StoredCredentials>(
    { account, client, password }: PasswordAttempt,
    find: () => Promise<Found | undefined>,
  ): Promise<Found | undefined> => {
    const { network } = client;
    await throttle.fromNetwork(account, network);
    const found = await withRevertOnError(find(), () => throttle.forgiveNetwork(account, network));
    await throttle.fromEverywhere(account, found?.familiar ?? false);
    const verification = passwords.verify(found?.passwordHash, password);
    const matches = await withRevertOnError(verification, () => throttle.forgive(account, network));
    if (!found) return undefined;
    if (!matches) {
      countFailed(found.userId, client);
      return undefined;
    }
    await throttle.forgive(account, network);
    return found;
  };

  /**
   * @param find looks up the account; it is not called for an attempt that is refused by its network's limit
   * @returns the result of `find` if the password is right; undefined otherwise
   * @throws Problem rate-limited
   */
  return <Found extends StoredCredentials>(
    attempt: PasswordAttempt,
    find: () => Promise<Found | undefined>,
  ): Promise<Found | undefined> =>
    inSequence(`${attempt.client.network} ${attempt.account}`, () => check(attempt, find));
};

export abstract class PasswordCheck extends tokenClass<ReturnType<typeof createPasswordCheck>>() {}
