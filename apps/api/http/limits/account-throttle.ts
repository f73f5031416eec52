import { Problem } from '#platform/problems';
import type { Limiter, Verdict } from './rate-window';

export interface AccountLimiters {
  /** Of one account from one network. */
  readonly network: Limiter;
  /** Of one account from all networks together. */
  readonly everywhere: Limiter;
}

/**
 * Slows down guessing at one account without shutting its user out. Two windows count wrong passwords, and no right
 * ones: one for the account and the client's network, so that anyone who guesses elsewhere takes nothing from it; and one for
 * the account from everywhere, against guesses from many networks, which does not hold who comes from a network that the
 * user has signed in from before. Keys are the same for known and unknown accounts.
 */
export class AccountThrottle {
  constructor(private readonly limiters: AccountLimiters) {}

  /** Counts an attempt before the password is looked up. @throws Problem rate-limited */
  async fromNetwork(account: string, network: string): Promise<void> {
    refuseBeyond(await this.limiters.network.consume(keyOf(account, network)));
  }

  /** Counts it for the account, wherever it comes from. @param familiar it is let through. @throws Problem rate-limited */
  async fromEverywhere(account: string, familiar: boolean): Promise<void> {
    // Counted in either case, so that both take the same time.
    const verdict = await this.limiters.everywhere.consume(account);
    if (!familiar) refuseBeyond(verdict);
  }

  /** It was no guess: what {@link fromNetwork} counted, and nothing else, counts no more. */
  async forgiveNetwork(account: string, network: string): Promise<void> {
    await this.limiters.network.restore(keyOf(account, network));
  }

  /** It was no guess: what both have counted counts no more. */
  async forgive(account: string, network: string): Promise<void> {
    await Promise.all([this.forgiveNetwork(account, network), this.limiters.everywhere.restore(account)]);
  }
}

const keyOf = (account: string, network: string): string => `${network} ${account}`;

const refuseBeyond = ({ remaining, resetAt }: Verdict): void => {
  if (remaining >= 0) return;
  const seconds = Math.max(1, Math.ceil((resetAt - Date.now()) / 1000));
  const detail = `Too many wrong passwords for this account. Try again in ${seconds} seconds.`;
  throw new Problem('rate-limited', { detail, retryAfter: seconds });
};
