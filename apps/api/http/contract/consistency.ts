import type { FastifyReply, FastifyRequest } from 'fastify';
import { Problem } from '#platform/problems';
import type { PositionWaiter } from '#projecting/read-your-writes/position-waiter.port';
import { isRead } from '../requests/is-read';
import type { RequestState } from '../requests/request-context';
import type { PositionTokens } from './position-token';

export interface ConsistencyOptions {
  readonly waiter: PositionWaiter;
  readonly tokens: PositionTokens;
  /** Longest time in ms that a request waits for the read models. */
  readonly waitMs: number;
}

export interface Consistency {
  /** True if the request is a read of a signed-in user with `If-Position`. */
  appliesTo(request: FastifyRequest, state: RequestState): boolean;
  /**
   * Waits until the read models have reached the position in `If-Position`.
   * @throws Problem validation-failed: the token is malformed or belongs to another tenant
   * @throws Problem read-model-behind: the read models did not reach the position in time
   */
  beforeRead(request: FastifyRequest, state: RequestState): Promise<void>;
  /**
   * Waits until the read models show what the request wrote, and sets the header `Position`. The status becomes 202 if
   * they do not show it in time. Never throws.
   */
  afterWrite(state: RequestState, reply: FastifyReply): Promise<void>;
}

/**
 * Read-your-writes: a write answers with `Position`, and a read with that value in `If-Position` includes the write.
 */
export const createConsistency = ({ waiter, tokens, waitMs }: ConsistencyOptions): Consistency => ({
  // A token belongs to a tenant, so a request without a user cannot have one.
  appliesTo: (request, { principal }) =>
    request.headers['if-position'] !== undefined && principal !== undefined && isRead(request),

  beforeRead: async (request, { principal }) => {
    const position = tokens.open(principal?.tenantId ?? '', String(request.headers['if-position']));
    if (await waiter.waitFor(position, waitMs)) return;
    const detail = 'The read model has not reached this Position yet. Try again after the seconds in Retry-After.';
    throw new Problem('read-model-behind', { detail, retryAfter: 1 });
  },

  afterWrite: async ({ position, principal, positionTenant }, reply) => {
    if (position === undefined || reply.statusCode >= 400) return;
    // The write is durable, so an error of the wait is handled like a wait that took too long.
    const reached = await waiter.waitFor(position, waitMs).catch(() => false);
    if (!reached) reply.code(202);
    const tenantId = positionTenant ?? principal?.tenantId;
    if (tenantId !== undefined) reply.header('position', tokens.seal(tenantId, position));
  },
});
