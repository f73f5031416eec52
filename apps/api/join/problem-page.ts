import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Problem } from '../../../libs/platform/problems';
import { isOperatorsForm } from '../ops/paths';
import { gonePage, troublePage } from './page';

export const HTML = 'text/html; charset=utf-8';

/** What is for people to look at, and takes forms: the pages of invitations, and those that let operators in. */
export const isPage = (path: string): boolean => path.startsWith('/join/') || isOperatorsForm(path);

/**
 * Sends a problem as a page where people look at it, whoever refused: throttle, parser or controller.
 * @returns false where it is for a program
 */
export const sendProblemPage = (problem: Problem, request: FastifyRequest, reply: FastifyReply): boolean => {
  if (!isPage(request.raw.url ?? '/')) return false;
  const { retryAfter, detail } = problem.details;
  reply.code(problem.status).header('content-type', HTML).header('cache-control', 'no-store');
  if (retryAfter !== undefined) reply.header('retry-after', String(Math.max(1, Math.ceil(retryAfter))));
  reply.send(problem.problem === 'not-found' ? gonePage() : troublePage(detail ?? problem.title));
  return true;
};
