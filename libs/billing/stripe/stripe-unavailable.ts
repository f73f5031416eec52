/** Stripe is not available, or its answer cannot be used. The request may still have been executed. */
export class StripeUnavailable extends Error {
  override readonly name = 'StripeUnavailable';
}
