import { createHmac } from 'node:crypto';

/** `Stripe-Signature` for a body: one signature for each secret, as while one is rolled. @param at seconds */
export const signature = (body: string, secrets: readonly string[], at: number): string => {
  const of = (secret: string): string => createHmac('sha256', secret).update(`${at}.${body}`).digest('hex');
  return [`t=${at}`, ...secrets.map((secret) => `v1=${of(secret)}`)].join(',');
};
