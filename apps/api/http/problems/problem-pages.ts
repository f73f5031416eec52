import type { FastifyInstance } from 'fastify';
import { Problem, type ProblemName, problemCatalogue } from '#platform/problems';

/** What each problem means to the user who reads it, and what to do about it. */
const MEANING: Readonly<Record<ProblemName, string>> = {
  'validation-failed':
    'A part of the request is not valid. `errors` lists each wrong field and what is expected there.',
  unauthenticated: 'The access token is missing, not valid or expired. Sign in, or refresh the tokens.',
  'workspace-locked':
    'A payment is missing or the subscription is paused, so writes are blocked, and later also reads. `billingUrl` leads to the page that unlocks the tenant.',
  'plan-limit-reached':
    'The limit of the plan is reached. See `limit` and `used`; `upgradeTo` names a plan that allows more.',
  'feature-not-in-plan': 'The plan does not include this feature. `upgradeTo` names a plan that does.',
  forbidden: 'You are signed in but not allowed to do this. `detail` names the role that is needed, or another reason.',
  'not-found': 'The resource does not exist in this tenant. Resources of other tenants are never found.',
  'method-not-allowed':
    'The path exists, but it does not accept this method. `Allow` lists the methods that it accepts.',
  'not-acceptable': 'None of the media types in `Accept` can be produced. Accept `application/json`.',
  'request-timeout': 'The request did not arrive completely within the time limit. Send it again.',
  conflict:
    'The request conflicts with the present state. Read the resource again and decide whether to repeat the request.',
  'request-in-progress':
    'The first request with this Idempotency-Key is still in progress. Repeat the request later to get its answer.',
  gone: 'The resource existed and was removed permanently.',
  'precondition-failed':
    'The resource has changed since you read the version in `If-Match`. Read it again, then repeat the change.',
  'body-too-large': 'The body is larger than 256 KiB. Send a smaller one.',
  'unsupported-media-type': 'The body must be application/json in UTF-8, without a Content-Encoding.',
  'idempotency-key-reused':
    'This Idempotency-Key was already used for another request. Use a new key for each request.',
  'header-fields-too-large': 'The header fields, or the path with its query, are larger than 16 KiB. Send less.',
  'rate-limited': 'There were too many requests. Wait for the seconds in `Retry-After`.',
  'internal-error': 'The server has an error. Report the `requestId` to its operator.',
  'dependency-unavailable':
    'A service that this request needs is not available. Try again after the seconds in `Retry-After`.',
  'read-model-behind':
    'The write is stored, but the read model has not processed it yet. Try again after the seconds in `Retry-After`.',
};

/** `GET /problems/<name>`: what the `type` of a problem document leads to. */
export const addProblemPages = (instance: FastifyInstance): void => {
  instance.get<{ Params: { name: string } }>('/problems/:name', (request, reply) => {
    const { name } = request.params;
    if (!isProblemName(name)) throw new Problem('not-found', { detail: 'There is no problem type with this name.' });
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
