import { StripeRefused } from '#billing/stripe/stripe-refused';
import { Problem } from '#platform/problems';

/** Whether Stripe will not carry it out, however often it is asked. */
export const isRefusal = (error: unknown): boolean => error instanceof StripeRefused;

/** Turns a refusal of Stripe, such as a declined card, into a problem for the owner. Other errors are passed on unchanged. */
export const refused = (error: unknown): unknown =>
  error instanceof StripeRefused
    ? new Problem(
        'conflict',
        { detail: `Stripe refused the request: ${error.message}`, members: { code: error.code } },
        { cause: error },
      )
    : error;

/** For what is waited for: throws {@link refused}. */
export const refuse = (error: unknown): never => {
  throw refused(error);
};
