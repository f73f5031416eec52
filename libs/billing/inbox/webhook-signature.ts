import Stripe from 'stripe';

/** Seconds by which a signature may be old, or ahead: the clocks of two machines, and the way between them. */
const TOLERANCE_SECONDS = 300;

/** A webhook that was not signed with any of our secrets, or too long ago, or for a time to come. */
export class BadSignature extends Error {
  override readonly name = 'BadSignature';
}

/**
 * Checks who signed a webhook. Stripe's own check refuses only old signatures; one from the future would be valid for as long
 * as it lies ahead.
 * @param header the field `Stripe-Signature`
 * @param secrets while one is rolled there are two
 * @param now ms
 * @throws BadSignature
 */
export const verifySignature = (
  payload: Buffer,
  header: string,
  secrets: readonly string[],
  now = Date.now(),
): void => {
  // Of two times one would be looked at here, and the other one there.
  const times = header.split(',').filter((part) => part.startsWith('t='));
  const signed = times.length === 1 ? Number(/^t=(\d{1,12})$/.exec(times[0] ?? '')?.[1] ?? Number.NaN) : Number.NaN;
  if (!(Math.abs(now / 1_000 - signed) <= TOLERANCE_SECONDS))
    throw new BadSignature('the timestamp of the signature is more than 5 minutes off');
  const text = payload.toString('utf8');
  for (const secret of secrets) {
    try {
      if (Stripe.webhooks.signature?.verifyHeader(text, header, secret)) return;
    } catch (error) {
      if (!(error instanceof Stripe.errors.StripeSignatureVerificationError)) throw error;
    }
  }
  throw new BadSignature('the signature does not match');
};
