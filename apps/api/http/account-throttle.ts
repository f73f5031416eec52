import { Problem } from '../../../libs/platform/problems';
import type { Limiter } from './rate-window';

/**
 * Slows down guessing at one account, whatever the addresses that it comes from. Call it before the password is
 * checked, with a key that is the same for known and unknown accounts.
 */
export class AccountThrottle {
  constructor(private readonly limiter: Limiter) {}

  /** @throws Problem rate-limited */
  async consume(key: string): Promise<void> {
    const { remaining, resetAt } = await this.limiter.consume(key);
    if (remaining >= 0) return;
    const seconds = Math.max(1, Math.ceil((resetAt - Date.now()) / 1000));
    const detail = `Too many attempts for this account. Try again in ${seconds} seconds.`;
    throw new Problem('rate-limited', { detail, retryAfter: seconds });
  }
}
