import { StripeRefused } from '../../../../libs/billing/refused';
import { Problem } from '../../../../libs/platform/problems';

/** Whether Stripe will not carry it out, however often it is asked. */
export const isRefusal = (error: unknown): boolean => error instanceof StripeRefused;

/** What Stripe said no to, as the owner is told: a card that declines, most of all. Other errors stay as they are. */
export const refused = (error: unknown): unknown =>
  error instanceof StripeRefused
    ? new Problem(
        'conflict',
        { detail: `Stripe refused it: ${error.message}`, members: { code: error.code } },
        { cause: error },
      )
    : error;

/** For what is waited for: throws {@link refused}. */
export const refuse = (error: unknown): never => {
  throw refused(error);
};
