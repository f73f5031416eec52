/** Stripe is not available, or answers nothing useful. What it was asked for may have happened. */
export class StripeUnavailable extends Error {
  override readonly name = 'StripeUnavailable';
}
