import { timingSafeEqual } from 'node:crypto';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { errorBody, invalid, SimError } from '../errors';
import type { Faults } from '../faults';
import { type Params, parseForm } from '../form';
import type { World } from '../life/world';
import type { Kept } from '../store/objects';
import { newId, shown } from '../store/store';
import { ROUTES } from './routes';

interface Answered {
  readonly status: number;
  readonly body: string;
  readonly replayed?: true;
}

const MATCHERS = ROUTES.map(([method, path, answer]) => ({
  method,
  pattern: new RegExp(`^${path.replaceAll('*', '([^/]+)')}$`),
  // What is fixed comes before what is an id.
  rank: path.split('*').length,
  answer,
})).sort((one, other) => one.rank - other.rank);

const isSame = (one: string, other: string): boolean =>
  one.length === other.length && timingSafeEqual(Buffer.from(one), Buffer.from(other));

const requireKey = (authorization: string | undefined, secretKey: string): void => {
  const given = /^Bearer (\S+)$/i.exec(authorization ?? '')?.[1] ?? '';
  if (!isSame(given, secretKey))
    throw new SimError(
      401,
      'invalid_request_error',
      undefined,
      'Invalid API Key provided. You did not provide the key of this installation.',
    );
};

const answerOf = (world: World, method: string, path: string, params: Params): Answered => {
  for (const { method: wanted, pattern, answer } of MATCHERS) {
    const found = wanted === method ? pattern.exec(path) : null;
    if (found) return { status: 200, body: JSON.stringify(shown(answer(world, params, found.slice(1)))) };
  }
  throw new SimError(404, 'invalid_request_error', undefined, `Unrecognized request URL (${method}: ${path}).`);
};

const failed = (error: unknown): Answered => {
  if (!(error instanceof SimError)) throw error;
  return { status: error.status, body: JSON.stringify(errorBody(error)) };
};

/** The same request with the same key is answered as it was the first time. */
const once = (world: World, key: string, params: string, act: () => Answered): Answered => {
  const kept = world.store.get('_kept', key);
  if (kept) {
    if (kept._params === params) return { status: kept._status, body: kept._body, replayed: true };
    const what = 'Keys for idempotent requests can only be used with the same parameters they were first used with.';
    throw new SimError(400, 'idempotency_error', undefined, what);
  }
  const answered = act();
  world.store.put<Kept>({
    ...{ id: key, object: '_kept', created: world.now(), livemode: false },
    ...{ _params: params, _status: answered.status, _body: answered.body },
  });
  return answered;
};

/** Stripe's API. Each request is carried out as a whole before the next one begins. */
export const serveApi = (
  instance: FastifyInstance,
  world: World,
  { secretKey, faults }: { readonly secretKey: string; readonly faults: Faults },
): void => {
  const act = (request: FastifyRequest): Answered => {
    const url = new URL(request.url, 'http://sim');
    const body = typeof request.body === 'string' ? request.body : '';
    const text = request.method === 'POST' ? body : url.search.slice(1);
    if (text.length > 200_000) throw invalid('The request is too large.');
    const params = parseForm(text);
    const carryOut = (): Answered => {
      try {
        return answerOf(world, request.method, url.pathname, params);
      } catch (error) {
        return failed(error);
      }
    };
    const key = request.headers['idempotency-key'];
    const isKept = typeof key === 'string' && request.method === 'POST';
    return isKept ? once(world, key, `${url.pathname} ${text}`, carryOut) : carryOut();
  };

  instance.route({
    method: ['GET', 'POST', 'DELETE'],
    url: '/v1/*',
    handler: async (request: FastifyRequest, reply: FastifyReply) => {
      const path = request.url.split('?', 1)[0] ?? '';
      const fault = faults.meet(request.method, path);
      reply.header('request-id', newId('req')).type('application/json');
      if (fault === 'answer-500')
        return reply.code(500).send(errorBody(new SimError(500, 'api_error', undefined, 'Something went wrong.')));
      if (fault === 'rate-limit-429')
        return reply
          .code(429)
          .send(errorBody(new SimError(429, 'invalid_request_error', 'rate_limit', 'Too many requests.')));
      if (fault === 'hang-before') return reply.hijack();
      if (fault === 'reset-before') return cut(reply);
      const answered = guarded(() => {
        requireKey(request.headers.authorization, secretKey);
        return act(request);
      });
      world.store.commit();
      if (fault === 'hang-after') return reply.hijack();
      if (fault === 'reset-after') return cut(reply);
      if (answered.replayed) reply.header('idempotent-replayed', 'true');
      return reply.code(answered.status).send(answered.body);
    },
  });
};

const guarded = (work: () => Answered): Answered => {
  try {
    return work();
  } catch (error) {
    return failed(error);
  }
};

const cut = (reply: FastifyReply): void => {
  reply.hijack();
  reply.raw.socket?.resetAndDestroy();
};
