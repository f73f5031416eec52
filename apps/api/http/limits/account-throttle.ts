import { type Limiter, refuseAboveLimit } from './rate-window';

const REASON = 'Too many wrong passwords for this account.';

export interface AccountLimiters {
  /** Counts the wrong passwords for one account from one network. */
  readonly network: Limiter;
  /** Counts the wrong passwords for one account from all networks together. */
  readonly everywhere: Limiter;
}

/**
 * Limits the guessing of one account's password without locking its user out. Two windows count wrong passwords, but no
 * correct ones. The first counts one account and one network, so that guesses from other networks do not affect the
 * user. The second counts one account from all networks together, against guesses from many networks. It does not
 * refuse a network from which the user has signed in before. Unknown accounts are counted in the same way as known
 * ones.
 */
export class AccountThrottle {
  constructor(private readonly limiters: AccountLimiters) {}

  /**
   * Counts an attempt for its account and network, before the password is checked.
   * @throws Problem rate-limited, with the seconds until the window ends
   */
  async fromNetwork(account: string, network: string): Promise<void> {
    refuseAboveLimit(await this.limiters.network.consume(keyOf(account, network)), REASON);
  }

  /**
   * Counts an attempt for its account, from any network.
   * @param isFamiliar the user has signed in from this network before: the attempt is counted, but not refused
   * @throws Problem rate-limited, with the seconds until the window ends
   */
  async fromEverywhere(account: string, isFamiliar: boolean): Promise<void> {
    // It is counted in both cases, so that both take the same time.
    const verdict = await this.limiters.everywhere.consume(account);
    if (!isFamiliar) refuseAboveLimit(verdict, REASON);
  }

  /** Takes back one count of {@link fromNetwork}, after an attempt that was not a wrong password. */
  async forgiveNetwork(account: string, network: string): Promise<void> {
    await this.limiters.network.restore(keyOf(account, network));
  }

  /** Takes back one count of {@link fromNetwork} and {@link fromEverywhere}, after a correct password. */
  async forgive(account: string, network: string): Promise<void> {
    await Promise.all([this.forgiveNetwork(account, network), this.limiters.everywhere.restore(account)]);
  }
}

const keyOf = (account: string, network: string): string => `${network} ${account}`;
