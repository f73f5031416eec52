import type { FastifyInstance } from 'fastify';
import { Problem, type ProblemName, problemCatalogue } from '../../../../libs/platform/problems';

/** What each problem means to the person who reads it, and what to do about it. */
const MEANING: Readonly<Record<ProblemName, string>> = {
  'validation-failed': 'Something in the request is not as the API describes it. `errors` points to each place.',
  unauthenticated: 'The access token is missing, not valid, or no longer valid. Sign in, or refresh it.',
  'workspace-locked': 'A payment is missing. Reading works for a while; `billingUrl` leads to where it is put right.',
  'plan-limit-reached': 'The plan does not allow more of this: `limit`, `used` and the plan to move to are given.',
  'feature-not-in-plan': 'The plan does not include this. A larger one does.',
  forbidden: 'You are known, but may not do this. `detail` says why: it names the role that may, or what was wrong.',
  'not-found': 'There is no such thing in this workspace. What belongs to another one does not exist here.',
  'method-not-allowed': 'The path is right, the method is not. `Allow` lists those that are.',
  'not-acceptable': 'The answer has no form that `Accept` allows.',
  'request-timeout': 'A request has to arrive whole within the time that the server grants. Send it again.',
  conflict: 'The request contradicts the present state. Read it again and decide anew.',
  'request-in-progress': 'The first request with this Idempotency-Key is not answered yet. Ask again for its answer.',
  gone: 'This was here and will not come back.',
  'precondition-failed': 'It has changed since you read it (`If-Match`). Read it again, then repeat the change.',
  'body-too-large': 'A body may have 256 KiB at most.',
  'unsupported-media-type': 'Bodies are taken as application/json in UTF-8 only, without a Content-Encoding.',
  'idempotency-key-reused': 'This Idempotency-Key was used for another request. Use a new key for each request.',
  'header-fields-too-large': 'The header fields, and the path with its query, may have 16 KiB at most.',
  'rate-limited': 'Too many requests. Wait for as many seconds as `Retry-After` says.',
  'internal-error': 'A fault of ours. Tell us the `requestId`.',
  'dependency-unavailable': 'Something that this needs is away for the moment. Try again after `Retry-After` seconds.',
  'read-model-behind': 'What was written is safe but not to be seen yet. Try again after `Retry-After` seconds.',
};

/** `GET /problems/<name>`: what the `type` of a problem document leads to. */
export const addProblemPages = (instance: FastifyInstance): void => {
  instance.get<{ Params: { name: string } }>('/problems/:name', (request, reply) => {
    const { name } = request.params;
    if (!isProblemName(name)) throw new Problem('not-found', { detail: 'There is no such problem.' });
    const [status, title] = problemCatalogue[name];
    const page = { type: `/problems/${name}`, title, status, description: MEANING[name] };
    reply.header('cache-control', 'public, max-age=3600').header('vary', 'accept');
    if (!request.headers.accept?.includes('text/html')) return reply.send(page);
    reply.header('content-type', 'text/html; charset=utf-8').send(html(page));
  });
};

const isProblemName = (name: string): name is ProblemName => Object.hasOwn(problemCatalogue, name);

const html = ({
  type,
  title,
  status,
  description,
}: {
  type: string;
  title: string;
  status: number;
  description: string;
}) =>
  `<!doctype html><html lang="en"><meta charset="utf-8"><title>${title}</title><h1>${title}</h1>` +
  `<p>${description.replaceAll(/`([^`]+)`/g, '<code>$1</code>')}</p><p><code>${type}</code>, status ${status}</p></html>`;
