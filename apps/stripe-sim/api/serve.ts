import { timingSafeEqual } from 'node:crypto';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { errorBody, invalid, SimError } from '../errors';
import type { Faults } from '../faults';
import { type Params, parseForm } from '../form';
import type { World } from '../life/world';
import type { Kept } from '../store/objects';
import { newId, publicForm } from '../store/store';
import { ROUTES } from './routes';

interface StoredAnswer {
  readonly status: number;
  readonly body: string;
  readonly replayed?: true;
}

const MATCHERS = ROUTES.map(([method, path, answer]) => ({
  method,
  pattern: new RegExp(`^${path.replaceAll('*', '([^/]+)')}$`),
  // A path without ids comes before one with an id that would also match.
  rank: path.split('*').length,
  answer,
})).sort((one, other) => one.rank - other.rank);

const isSame = (one: string, other: string): boolean =>
  one.length === other.length && timingSafeEqual(Buffer.from(one), Buffer.from(other));

const requireKey = (authorization: string | undefined, secretKey: string): void => {
  const presented = /^Bearer (\S+)$/i.exec(authorization ?? '')?.[1] ?? '';
  if (!isSame(presented, secretKey))
    throw new SimError(
      401,
      'invalid_request_error',
      undefined,
      'Invalid API Key provided. You did not provide the key of this installation.',
    );
};

const answerOf = (world: World, method: string, path: string, params: Params): StoredAnswer => {
  for (const { method: wanted, pattern, answer } of MATCHERS) {
    const found = wanted === method ? pattern.exec(path) : null;
    if (found) return { status: 200, body: JSON.stringify(publicForm(answer(world, params, found.slice(1)))) };
  }
  throw new SimError(404, 'invalid_request_error', undefined, `Unrecognized request URL (${method}: ${path}).`);
};

const answerToError = (error: unknown): StoredAnswer => {
  if (!(error instanceof SimError)) throw error;
  return { status: error.status, body: JSON.stringify(errorBody(error)) };
};

/**
 * Answers a repeated request with the same idempotency key with the first answer.
 * @throws SimError the parameters differ
 */
const once = (world: World, key: string, params: string, execute: () => StoredAnswer): StoredAnswer => {
  const kept = world.store.get('_kept', key);
  if (kept) {
    if (kept._params === params) return { status: kept._status, body: kept._body, replayed: true };
    const what = 'Keys for idempotent requests can only be used with the same parameters they were first used with.';
    throw new SimError(400, 'idempotency_error', undefined, what);
  }
  const answer = execute();
  world.store.put<Kept>({
    ...{ id: key, object: '_kept', created: world.now(), livemode: false },
    ...{ _params: params, _status: answer.status, _body: answer.body },
  });
  return answer;
};

/** Serves Stripe's API. It executes one request at a time, so that no request sees a half-made change of another. */
export const serveApi = (
  instance: FastifyInstance,
  world: World,
  { secretKey, faults }: { readonly secretKey: string; readonly faults: Faults },
): void => {
  const executeRequest = (request: FastifyRequest): StoredAnswer => {
    const url = new URL(request.url, 'http://sim');
    const body = typeof request.body === 'string' ? request.body : '';
    const text = request.method === 'POST' ? body : url.search.slice(1);
    if (text.length > 200_000) throw invalid('The request is too large.');
    const params = parseForm(text);
    const execute = (): StoredAnswer => {
      try {
        return answerOf(world, request.method, url.pathname, params);
      } catch (error) {
        return answerToError(error);
      }
    };
    const key = request.headers['idempotency-key'];
    const hasKey = typeof key === 'string' && request.method === 'POST';
    return hasKey ? once(world, key, `${url.pathname} ${text}`, execute) : execute();
  };

  instance.route({
    method: ['GET', 'POST', 'DELETE'],
    url: '/v1/*',
    handler: async (request: FastifyRequest, reply: FastifyReply) => {
      const path = request.url.split('?', 1)[0] ?? '';
      const fault = faults.use(request.method, path);
      reply.header('request-id', newId('req')).type('application/json');
      if (fault === 'answer-500')
        return reply.code(500).send(errorBody(new SimError(500, 'api_error', undefined, 'Something went wrong.')));
      if (fault === 'rate-limit-429')
        return reply
          .code(429)
          .send(errorBody(new SimError(429, 'invalid_request_error', 'rate_limit', 'Too many requests.')));
      if (fault === 'hang-before') return reply.hijack();
      if (fault === 'reset-before') return resetConnection(reply);
      const answered = answerOrError(() => {
        requireKey(request.headers.authorization, secretKey);
        return executeRequest(request);
      });
      world.store.commit();
      if (fault === 'hang-after') return reply.hijack();
      if (fault === 'reset-after') return resetConnection(reply);
      if (answered.replayed) reply.header('idempotent-replayed', 'true');
      return reply.code(answered.status).send(answered.body);
    },
  });
};

const answerOrError = (work: () => StoredAnswer): StoredAnswer => {
  try {
    return work();
  } catch (error) {
    return answerToError(error);
  }
};

const resetConnection = (reply: FastifyReply): void => {
  reply.hijack();
  reply.raw.socket?.resetAndDestroy();
};
