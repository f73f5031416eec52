import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Problem } from '#platform/problems';
import { isReturn } from '../../billing/stripe/return-link';
import { isOperatorsForm } from '../../ops/paths';
import { gonePage, troublePage } from './page';

export const HTML = 'text/html; charset=utf-8';

const isInvitation = (path: string): boolean => path.startsWith('/join/');

/** What is for people to look at: the pages of invitations, the way back from Stripe's, and those that let operators in. */
export const isPage = (path: string): boolean => isInvitation(path) || isReturn(path) || isOperatorsForm(path);

/**
 * Sends a problem as a page where people look at it, whether the throttle, the parser or the controller refused the request.
 * @returns false where it is for a program
 */
export const sendProblemPage = (problem: Problem, request: FastifyRequest, reply: FastifyReply): boolean => {
  const path = request.raw.url ?? '/';
  if (!isPage(path)) return false;
  const { retryAfter, detail } = problem.details;
  reply.code(problem.status).header('content-type', HTML).header('cache-control', 'no-store');
  if (retryAfter !== undefined) reply.header('retry-after', String(Math.max(1, Math.ceil(retryAfter))));
  const isGone = problem.problem === 'not-found' && isInvitation(path);
  reply.send(isGone ? gonePage() : troublePage(detail ?? problem.title));
  return true;
};
