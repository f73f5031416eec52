import type { FastifyReply, FastifyRequest } from 'fastify';
import { Problem } from '#platform/problems';
import type { RequestState } from '../requests/request-context';
import { createMemoryLimiter, type Limiter, type RatePolicy, type Verdict } from './rate-window';

/** Requests that one key may make; the name is what `@RateLimit` and the fields call it. */
export interface RateLimitOptions {
  /** A tenant, all its members together. */
  readonly tenant: { readonly limit: number; readonly windowSeconds: number };
  /**
   * One client address, for whatever is asked without a token; and one user, for what is about themselves, is asked in no tenant, or is refused:
   * anyone who left a tenant takes nothing of what it may ask.
   */
  readonly anonymous: { readonly limit: number; readonly windowSeconds: number };
  /** Stricter ones, for routes that name them with `@RateLimit('signin')`; counted per client address. */
  readonly named?: Readonly<Record<string, { readonly limit: number; readonly windowSeconds: number }>>;
}

export interface RateLimits {
  /**
   * Counts the request, and remembers what its answer has to say of it.
   * @throws Problem rate-limited; or the promise of the same, where counts are shared between processes
   */
  count(request: FastifyRequest, state: RequestState, name: string | undefined): void | Promise<void>;
}

type MakeLimiter = (policy: RatePolicy) => Limiter;

/** @param makeLimiter where the counts are kept; in this process by default */
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

  const note = (state: RequestState, { field, label }: typeof tenant, { remaining, resetAt }: Verdict): void => {
    const seconds = Math.max(1, Math.ceil((resetAt - Date.now()) / 1000));
    state.rateLimitPolicy = field;
    state.rateLimit = `${label}${remaining > 0 ? remaining : 0};t=${seconds}`;
    if (remaining < 0) {
      const detail = `Too many requests. Try again in ${seconds} seconds.`;
      throw new Problem('rate-limited', { detail, retryAfter: seconds });
    }
  };

  return {
    count: (request, state, name) => {
      const { principal, ofUserAlone } = state;
      const tenantId = ofUserAlone ? undefined : principal?.tenantId;
      const own = principal && (tenantId === undefined ? user : tenant);
      const counted = (name !== undefined ? named.get(name) : undefined) ?? own ?? anonymous;
      const key = principal && counted === own ? (tenantId ?? principal.userId) : addressKey(request.ip ?? '');
      const verdict = counted.limiter.consume(key);
      if (verdict instanceof Promise) return verdict.then((it) => note(state, counted, it));
      note(state, counted, verdict);
    },
  };
};

/** One client: an IPv4 address, or the /64 that a household or a machine has of IPv6. */
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

/** Writes what {@link RateLimits.count} found onto the answer. */
export const writeRateLimit = (state: RequestState, reply: FastifyReply): void => {
  if (state.rateLimit === undefined) return;
  const { quota, quotaPolicy } = state;
  reply.header('ratelimit-policy', quotaPolicy ? `${state.rateLimitPolicy}, ${quotaPolicy}` : state.rateLimitPolicy);
  reply.header('ratelimit', quota ? `${state.rateLimit}, ${quota}` : state.rateLimit);
};
