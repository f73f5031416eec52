/** Stripe said no: the request is not one that it carries out. `code` is its own. */
export class StripeRefused extends Error {
  override readonly name = 'StripeRefused';
  constructor(
    readonly code: string,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** Whether it is what was asked for that Stripe does not have, or has no more. */
export const isGone = (error: unknown): boolean => error instanceof StripeRefused && error.code === 'resource_missing';
