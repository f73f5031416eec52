/** Stripe refuses the request, and would refuse it again. `code` is Stripe's error code, or the type of its error. */
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

/** Whether Stripe refused a request because the requested object does not exist, or does not exist any more. */
export const isMissing = (error: unknown): boolean =>
  error instanceof StripeRefused && error.code === 'resource_missing';
