import Stripe from 'stripe';

/** Maximum difference in seconds between now and the time of a signature: clocks differ, and the network takes time. */
const TOLERANCE_SECONDS = 300;

/**
 * The signature matches none of the installation's secrets, or its time is more than five minutes in the past or
 * future.
 */
export class BadSignature extends Error {
  override readonly name = 'BadSignature';
}

/**
 * Checks that Stripe signed a webhook within the last five minutes. The time is checked here, because Stripe's SDK
 * refuses only old signatures: it would accept a signature with a future time until long after now.
 * @param payload the body as it was received
 * @param header the value of the header `Stripe-Signature`
 * @param secrets the webhook secrets; there are two while a secret is being replaced
 * @param now ms
 * @throws BadSignature
 */
export const verifySignature = (
  payload: Buffer,
  header: string,
  secrets: readonly string[],
  now = Date.now(),
): void => {
  // A header with two times is refused: this function and the SDK could check different ones.
  const times = header.split(',').filter((part) => part.startsWith('t='));
  const signed = times.length === 1 ? Number(/^t=(\d{1,12})$/.exec(times[0] ?? '')?.[1] ?? Number.NaN) : Number.NaN;
  if (!(Math.abs(now / 1_000 - signed) <= TOLERANCE_SECONDS))
    throw new BadSignature('the timestamp of the signature differs from the present time by more than 5 minutes');
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
