import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Problem } from '#platform/problems';
import { isReturn } from '../../billing/stripe/return-link';
import { isOperatorsForm } from '../../ops/paths';
import { errorPage, unusablePage } from './page';

export const HTML = 'text/html; charset=utf-8';

const isJoinPage = (path: string): boolean => path.startsWith('/join/');

/**
 * True for paths with HTML pages for end users and operators: invitations, the return from Stripe, the operator
 * sign-in.
 */
export const isPage = (path: string): boolean => isJoinPage(path) || isReturn(path) || isOperatorsForm(path);

/**
 * Sends a problem as an HTML page, if the path is one of {@link isPage}. It does not matter whether the rate limit, the
 * body parser or the controller refused the request.
 * @returns false if nothing was sent, because the path has no HTML pages
 */
export const sendProblemPage = (problem: Problem, request: FastifyRequest, reply: FastifyReply): boolean => {
  const path = request.raw.url ?? '/';
  if (!isPage(path)) return false;
  const { retryAfter, detail } = problem.details;
  reply.code(problem.status).header('content-type', HTML).header('cache-control', 'no-store');
  if (retryAfter !== undefined) reply.header('retry-after', String(Math.max(1, Math.ceil(retryAfter))));
  const isUnusable = problem.problem === 'not-found' && isJoinPage(path);
  reply.send(isUnusable ? unusablePage() : errorPage(detail ?? problem.title));
  return true;
};
