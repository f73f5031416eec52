import type { FastifyReply, FastifyRequest } from 'fastify';
import { Problem } from '#platform/problems';
import type { PositionWaiter } from '#projecting/read-your-writes/position-waiter.port';
import type { RequestState } from '../requests/request-context';
import type { PositionTokens } from './position-token';

export interface ConsistencyOptions {
  readonly waiter: PositionWaiter;
  readonly tokens: PositionTokens;
  /** ms that an answer waits for the read models. */
  readonly waitMs: number;
}

export interface Consistency {
  /** True where the request is a read that waits for `If-Position`. */
  concerns(request: FastifyRequest, state: RequestState): boolean;
  /** @throws Problem validation-failed, read-model-behind */
  beforeRead(request: FastifyRequest, state: RequestState): Promise<void>;
  /** Waits until the read models show what the request wrote, and says where that lies. Never throws. */
  afterWrite(state: RequestState, reply: FastifyReply): Promise<void>;
}

/** Read-your-writes: `Position` on what was written, `If-Position` on what is read. */
export const createConsistency = ({ waiter, tokens, waitMs }: ConsistencyOptions): Consistency => ({
  // Without a tenant there is no token that could be meant.
  concerns: (request, { principal }) =>
    request.headers['if-position'] !== undefined &&
    principal !== undefined &&
    (request.method === 'GET' || request.method === 'HEAD'),

  beforeRead: async (request, { principal }) => {
    const position = tokens.open(principal?.tenantId ?? '', String(request.headers['if-position']));
    if (await waiter.waitFor(position, waitMs)) return;
    const detail = 'The read model has not reached this Position yet. Try again after the seconds in Retry-After.';
    throw new Problem('read-model-behind', { detail, retryAfter: 1 });
  },

  afterWrite: async ({ position, principal, positionTenant }, reply) => {
    if (position === undefined || reply.statusCode >= 400) return;
    // The write is durable: a waiter that fails is one that did not get there in time.
    const reached = await waiter.waitFor(position, waitMs).catch(() => false);
    if (!reached) reply.code(202);
    const tenantId = positionTenant ?? principal?.tenantId;
    if (tenantId !== undefined) reply.header('position', tokens.seal(tenantId, position));
  },
});
