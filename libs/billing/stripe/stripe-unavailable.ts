/** Stripe is not available, or its answer cannot be used. The request may have been carried out all the same. */
export class StripeUnavailable extends Error {
  override readonly name = 'StripeUnavailable';
}
