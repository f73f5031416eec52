import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Problem } from '#platform/problems';

export const PROBLEM_TYPE = 'application/problem+json';

type Subject = Pick<Problem, 'type' | 'title' | 'status' | 'details'>;

/**
 * The RFC 9457 document of a problem. Further members of a problem never replace the standard ones.
 * @param path of the request, without its query; undefined if the request could not be parsed
 */
export const problemDocument = (problem: Subject, requestId: string, path: string | undefined): object => {
  const { detail, errors, members } = problem.details;
  return {
    ...members,
    type: problem.type,
    title: problem.title,
    status: problem.status,
    ...(detail !== undefined && { detail }),
    ...(path !== undefined && { instance: path }),
    requestId,
    ...(errors !== undefined && { errors }),
  };
};

/** The path of a URL without its query, which can contain secrets; at most 1,024 characters. */
export const pathOf = (url: string): string => {
  const end = url.search(/[?#]/);
  return (end < 0 ? url : url.slice(0, end)).slice(0, 1024);
};

/** Sends the problem as the answer of the request. */
export const sendProblem = (problem: Problem, request: FastifyRequest, reply: FastifyReply): void => {
  const document = problemDocument(problem, request.id, pathOf(request.raw.url ?? '/'));
  reply.code(problem.status).header('content-type', PROBLEM_TYPE);
  reply.removeHeader('etag');
  if (problem.details.retryAfter !== undefined) {
    reply.header('retry-after', String(Math.max(1, Math.ceil(problem.details.retryAfter))));
  }
  if (problem.status === 401) reply.header('www-authenticate', 'Bearer');
  reply.send(JSON.stringify(document));
};
