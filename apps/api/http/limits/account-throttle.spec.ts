import { AccountThrottle } from './account-throttle';
import { createMemoryLimiter } from './rate-window';

const HOME = '203.0.113.7';
const REFUSED = { problem: 'rate-limited', details: { retryAfter: 60 } };

describe('the throttle of wrong passwords', () => {
  let throttle: AccountThrottle;
  beforeEach(() => {
    throttle = new AccountThrottle({
      network: createMemoryLimiter({ name: 'network', limit: 2, windowSeconds: 60 }),
      everywhere: createMemoryLimiter({ name: 'everywhere', limit: 4, windowSeconds: 60 }),
    });
  });

  const attempt = async (network: string, isFamiliar = false, account = 'ada'): Promise<void> => {
    await throttle.fromNetwork(account, network);
    await throttle.fromEverywhere(account, isFamiliar);
  };

  it('counts wrong passwords for each account and network', async () => {
    await attempt('10.0.0.1');
    await attempt('10.0.0.1');
    await expect(attempt('10.0.0.1')).rejects.toMatchObject(REFUSED);
    await attempt('10.0.0.1', false, 'bob');
  });

  it('lets the user sign in while others guess the password from another network', async () => {
    for (let at = 0; at < 9; at++) await attempt('10.0.0.1').catch(() => {});
    await attempt(HOME);
  });

  it('does not count correct passwords', async () => {
    for (let at = 0; at < 9; at++) {
      await attempt(HOME);
      await throttle.forgive('ada', HOME);
    }
  });

  it('limits the wrong passwords from all networks together', async () => {
    for (let at = 1; at <= 4; at++) await attempt(`10.0.0.${at}`);
    await expect(attempt('10.0.0.5')).rejects.toMatchObject(REFUSED);
    await attempt('10.0.0.5', false, 'bob');
  });

  it('lets the user sign in meanwhile from a network of an earlier sign-in', async () => {
    for (let at = 1; at <= 9; at++) await attempt(`10.0.0.${at}`).catch(() => {});
    await attempt(HOME, true);
    await throttle.forgive('ada', HOME);
    await expect(attempt('10.0.0.10')).rejects.toMatchObject(REFUSED);
  });
});
