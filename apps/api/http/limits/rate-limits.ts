import type { FastifyReply, FastifyRequest } from 'fastify';
import type { RequestState } from '../requests/request-context';
import {
  createMemoryLimiter,
  type Limiter,
  type RatePolicy,
  refuseAboveLimit,
  secondsLeft,
  type Verdict,
} from './rate-window';

/**
 * The requests that are allowed in a window of time. The names appear in the header `RateLimit` and in `@RateLimit`.
 */
export interface RateLimitOptions {
  /** For one tenant: all its members together. */
  readonly tenant: { readonly limit: number; readonly windowSeconds: number };
  /**
   * For one client address: requests without an access token. The same limit applies to one user, for requests about
   * the user, without a tenant, or refused by the tenant, so that a user who left a tenant cannot use up the tenant's
   * limit.
   */
  readonly anonymous: { readonly limit: number; readonly windowSeconds: number };
  /** Lower limits for the routes that name them with `@RateLimit('signin')`, for each client address. */
  readonly named?: Readonly<Record<string, { readonly limit: number; readonly windowSeconds: number }>>;
}

export interface RateLimits {
  /**
   * Counts the request, and stores the values of the headers `RateLimit` and `RateLimit-Policy` in its state.
   * @param name of the limit; undefined for the general limit
   * @returns a promise only if the counts are shared between processes; it rejects with the same problem
   * @throws Problem rate-limited, with the seconds until the window ends
   */
  count(request: FastifyRequest, state: RequestState, name: string | undefined): void | Promise<void>;
}

type MakeLimiter = (policy: RatePolicy) => Limiter;

/** @param makeLimiter decides where the counts are stored; in the memory of this process by default */
export const createRateLimits = (
  options: RateLimitOptions,
  makeLimiter: MakeLimiter = createMemoryLimiter,
): RateLimits => {
  const open = ([name, { limit, windowSeconds }]: [string, { limit: number; windowSeconds: number }]) => {
    const policy = { name, limit, windowSeconds };
    return { limiter: makeLimiter(policy), field: `"${name}";q=${limit};w=${windowSeconds}`, label: `"${name}";r=` };
  };
  const tenant = open(['tenant', options.tenant]);
  const anonymous = open(['anonymous', options.anonymous]);
  const user = open(['user', options.anonymous]);
  const named = new Map(Object.entries(options.named ?? {}).map((entry) => [entry[0], open(entry)]));

  const setHeaders = (state: RequestState, { field, label }: typeof tenant, verdict: Verdict): void => {
    state.rateLimitPolicy = field;
    state.rateLimit = `${label}${Math.max(0, verdict.remaining)};t=${secondsLeft(verdict)}`;
    refuseAboveLimit(verdict, 'Too many requests.');
  };

  return {
    count: (request, state, name) => {
      const { principal, countsForUser } = state;
      const tenantId = countsForUser ? undefined : principal?.tenantId;
      const general = principal && (tenantId === undefined ? user : tenant);
      const counted = (name !== undefined ? named.get(name) : undefined) ?? general ?? anonymous;
      const key = principal && counted === general ? (tenantId ?? principal.userId) : addressKey(request.ip ?? '');
      const verdict = counted.limiter.consume(key);
      if (verdict instanceof Promise) return verdict.then((it) => setHeaders(state, counted, it));
      setHeaders(state, counted, verdict);
    },
  };
};

/**
 * The key of one client: an IPv4 address, or the first 64 bits of an IPv6 address, which one household or machine
 * shares.
 */
export const addressKey = (ip: string): string => {
  if (!ip.includes(':')) return ip;
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(ip)?.[1];
  if (mapped) return mapped;
  const [head = '', tail] = ip.split('::');
  const first = head === '' ? [] : head.split(':');
  const last = tail ? tail.split(':') : [];
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - first.length - last.length);
  return [...first, ...Array<string>(zeros).fill('0'), ...last].slice(0, 4).join(':');
};

/** Sets the headers `RateLimit` and `RateLimit-Policy` from the state. Does nothing if the request was not counted. */
export const writeRateLimit = (state: RequestState, reply: FastifyReply): void => {
  if (state.rateLimit === undefined) return;
  const { quota, quotaPolicy } = state;
  reply.header('ratelimit-policy', quotaPolicy ? `${state.rateLimitPolicy}, ${quotaPolicy}` : state.rateLimitPolicy);
  reply.header('ratelimit', quota ? `${state.rateLimit}, ${quota}` : state.rateLimit);
};
