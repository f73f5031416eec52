import type { Passwords } from '#identity/passwords';
import { tokenClass } from '#platform/token-class';
import type { AccountThrottle } from '../../http/limits/account-throttle';

export interface PasswordAttempt {
  /** `emailKey` of the address: the same for known and unknown accounts. */
  readonly account: string;
  /** The client's. */
  readonly network: string;
  readonly password: string;
}

interface Stored {
  readonly passwordHash: string;
  /** They have signed in from that network before. */
  readonly familiar: boolean;
}

/** A guess is what was answered: where nobody could tell whether the password is right, the attempt counts no more. */
const orGiveBack = async <T>(deciding: Promise<T>, giveBack: () => Promise<void>): Promise<T> => {
  try {
    return await deciding;
  } catch (error) {
    // Counts that cannot be reached were most likely not counted either; the client gets the reason of the failure.
    await giveBack().catch(() => undefined);
    throw error;
  }
};

/**
 * The one way to check a password: throttled by account and network, and with the same work for an account that there is
 * not. Resolves to what was found where the password is right, else to undefined.
 */
export const createPasswordCheck =
  ({ passwords, throttle }: { passwords: Passwords; throttle: AccountThrottle }) =>
  /** @throws Problem rate-limited */
  async <Found extends Stored>(
    { account, network, password }: PasswordAttempt,
    find: () => Promise<Found | undefined>,
  ): Promise<Found | undefined> => {
    await throttle.fromNetwork(account, network);
    const found = await orGiveBack(find(), () => throttle.forgiveNetwork(account, network));
    await throttle.fromEverywhere(account, found?.familiar ?? false);
    const verifying = passwords.verify(found?.passwordHash, password);
    const fits = await orGiveBack(verifying, () => throttle.forgive(account, network));
    if (!found || !fits) return undefined;
    await throttle.forgive(account, network);
    return found;
  };

export abstract class PasswordCheck extends tokenClass<ReturnType<typeof createPasswordCheck>>() {}
