import { StripeRefused } from '#billing/stripe/stripe-refused';
import { Problem } from '#platform/problems';

/** Whether an error is Stripe's final answer: it would refuse a repeat of the request, too. */
export const isRefusal = (error: unknown): boolean => error instanceof StripeRefused;

/**
 * Turns a refusal of Stripe, such as a declined card, into a problem for the owner. Other errors are passed on
 * unchanged.
 */
export const refused = (error: unknown): unknown =>
  error instanceof StripeRefused
    ? new Problem(
        'conflict',
        { detail: `Stripe refused the request: ${error.message}`, members: { code: error.code } },
        { cause: error },
      )
    : error;

/** Throws what {@link refused} returns: for `catch` of a promise. */
export const refuse = (error: unknown): never => {
  throw refused(error);
};
