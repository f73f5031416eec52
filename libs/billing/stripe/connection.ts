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

/** ms that one call may take. */
const TIMEOUT_MS = 5_000;
/** Calls in a row that fail until none is made for a while, and ms of that while. */
const BREAKER = { failures: 5, restMs: 5_000 };
const RETRY = { maxAttempts: 1, backoff: new ExponentialBackoff({ initialDelay: 100, maxDelay: 500 }) };

export interface StripeConnectionOptions {
  readonly secretKey: string;
  /** Where Stripe is, for one on loopback; Stripe's own address by default. */
  readonly url?: string | undefined;
  readonly timeoutMs?: number;
}

const clientFor = ({ secretKey, url, timeoutMs = TIMEOUT_MS }: StripeConnectionOptions): Stripe => {
  const common = { timeout: timeoutMs, maxNetworkRetries: 0, telemetry: false };
  if (url === undefined) return new Stripe(secretKey, common);
  const { hostname, port, protocol } = new URL(url);
  const at = { host: hostname, port: port || (protocol === 'https:' ? 443 : 80) };
  return new Stripe(secretKey, { ...common, ...at, protocol: protocol === 'https:' ? 'https' : 'http' });
};

const isAway = (error: Error): boolean =>
  error instanceof Stripe.errors.StripeConnectionError ||
  error instanceof Stripe.errors.StripeAPIError ||
  error instanceof Stripe.errors.StripeRateLimitError ||
  // The same request with the same key is still under way: its answer comes later.
  (error instanceof Stripe.errors.StripeError && error.statusCode === 409);

/** What Stripe threw, as those who ask have to know it. */
const translated = (error: unknown): unknown => {
  if (error instanceof BrokenCircuitError)
    return new StripeUnavailable('Stripe has failed too often', { cause: error });
  if (!(error instanceof Stripe.errors.StripeError)) return error;
  if (isAway(error) || error instanceof Stripe.errors.StripeAuthenticationError)
    return new StripeUnavailable(`Stripe is not available: ${error.message}`, { cause: error });
  return new StripeRefused(error.code ?? error.type, error.message, { cause: error });
};

/**
 * The one way to Stripe. Each call has a bound, is repeated once with jitter where Stripe was away (every write has an
 * idempotency key, so that a repeat is the same request), and none is made for a while after several have failed.
 */
export const createStripeConnection = (options: StripeConnectionOptions) => {
  const stripe = clientFor(options);
  const away = handleWhen(isAway);
  const breaker = circuitBreaker(away, {
    ...{ halfOpenAfter: BREAKER.restMs, breaker: new ConsecutiveBreaker(BREAKER.failures) },
  });
  const policy = wrap(retry(away, RETRY), breaker);
  return {
    /** Whether it has failed so often that no call is made for a while. */
    isResting: (): boolean => breaker.state === CircuitState.Open,

    /** @param work one call @throws StripeUnavailable @throws StripeRefused */
    call: async <T>(work: (stripe: Stripe) => Promise<T>): Promise<T> => {
      try {
        return await policy.execute(() => work(stripe));
      } catch (error) {
        throw translated(error);
      }
    },
  };
};

export type StripeConnection = ReturnType<typeof createStripeConnection>;
