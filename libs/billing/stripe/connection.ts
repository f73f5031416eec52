import {
  BrokenCircuitError,
  CircuitState,
  ConsecutiveBreaker,
  circuitBreaker,
  ExponentialBackoff,
  handleWhen,
  retry,
  wrap,
} from 'cockatiel';
import Stripe from 'stripe';
import { StripeRefused } from './stripe-refused';
import { StripeUnavailable } from './stripe-unavailable';

/** Maximum duration of one call in ms. */
const TIMEOUT_MS = 5_000;
/** After this many failed calls in succession no call is made for `pauseMs`. */
const BREAKER = { failures: 5, pauseMs: 5_000 };
const RETRY = { maxAttempts: 1, backoff: new ExponentialBackoff({ initialDelay: 100, maxDelay: 500 }) };

export interface StripeConnectionOptions {
  readonly secretKey: string;
  /** The address of the Stripe simulator; by default that of Stripe itself. */
  readonly url?: string | undefined;
  /** For one call; 5,000 by default. */
  readonly timeoutMs?: number;
}

const clientFor = ({ secretKey, url, timeoutMs = TIMEOUT_MS }: StripeConnectionOptions): Stripe => {
  const common = { timeout: timeoutMs, maxNetworkRetries: 0, telemetry: false };
  if (url === undefined) return new Stripe(secretKey, common);
  const { hostname, port, protocol } = new URL(url);
  const address = { host: hostname, port: port || (protocol === 'https:' ? 443 : 80) };
  return new Stripe(secretKey, { ...common, ...address, protocol: protocol === 'https:' ? 'https' : 'http' });
};

const isUnavailable = (error: Error): boolean =>
  error instanceof Stripe.errors.StripeConnectionError ||
  error instanceof Stripe.errors.StripeAPIError ||
  error instanceof Stripe.errors.StripeRateLimitError ||
  // 409: Stripe is still working on an earlier request with the same idempotency key. A later repeat returns its
  // answer.
  (error instanceof Stripe.errors.StripeError && error.statusCode === 409);

/** Turns an error of Stripe's SDK into the error that callers handle; other errors are returned unchanged. */
const translated = (error: unknown): unknown => {
  if (error instanceof BrokenCircuitError)
    return new StripeUnavailable('Stripe failed repeatedly, so no request is sent for a few seconds', { cause: error });
  if (!(error instanceof Stripe.errors.StripeError)) return error;
  if (isUnavailable(error) || error instanceof Stripe.errors.StripeAuthenticationError)
    return new StripeUnavailable(`Stripe is not available: ${error.message}`, { cause: error });
  return new StripeRefused(error.code ?? error.type, error.message, { cause: error });
};

/**
 * The connection that all requests to Stripe use. A call ends after `timeoutMs`. It is repeated once, with jitter, if
 * Stripe is not available: every write has an idempotency key, so that the repeat is not executed twice. After five
 * failures in succession no call is made for five seconds.
 */
export const createStripeConnection = (options: StripeConnectionOptions) => {
  const stripe = clientFor(options);
  const unavailable = handleWhen(isUnavailable);
  const breaker = circuitBreaker(unavailable, {
    ...{ halfOpenAfter: BREAKER.pauseMs, breaker: new ConsecutiveBreaker(BREAKER.failures) },
  });
  const policy = wrap(retry(unavailable, RETRY), breaker);
  return {
    /** Whether no call is made at present because the last ones failed. */
    isPaused: (): boolean => breaker.state === CircuitState.Open,

    /** @param request makes one request with the SDK @throws StripeUnavailable @throws StripeRefused */
    call: async <T>(request: (stripe: Stripe) => Promise<T>): Promise<T> => {
      try {
        return await policy.execute(() => request(stripe));
      } catch (error) {
        throw translated(error);
      }
    },
  };
};

export type StripeConnection = ReturnType<typeof createStripeConnection>;
