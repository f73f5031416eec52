import { createHmac } from 'node:crypto';

/**
 * The value of the header `Stripe-Signature`, with one signature for each secret.
 * @param secrets two while a secret is being replaced
 * @param at seconds since 1970
 */
export const signature = (body: string, secrets: readonly string[], at: number): string => {
  const signWith = (secret: string): string => createHmac('sha256', secret).update(`${at}.${body}`).digest('hex');
  return [`t=${at}`, ...secrets.map((secret) => `v1=${signWith(secret)}`)].join(',');
};
