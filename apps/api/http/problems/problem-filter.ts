import { type ArgumentsHost, Catch, type ExceptionFilter, NotFoundException } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Refusal } from '#domain/refusal';
import type { Logger } from '#platform/logging/logger.port';
import { Problem } from '#platform/problems';
import { sendProblemPage } from '../../invitations/page/problem-page';
import { sendToLogin } from '../../ops/gate';
import { Replay } from '../contract/idempotency';
import { accessOfSession } from '../requests/client';
import { requestStateOf } from '../requests/request-context';
import type { AllowedMethods } from '../server/allowed-methods';
import type { HttpOptions } from '../server/options';
import { pathOf, sendProblem } from './problem-document';
import { toProblem } from './to-problem';

/** Log message of an error after the answer was sent. */
const LATE_ERROR = 'the request failed after its answer was sent';

/** Answers a request with the problem that was thrown: as a problem document, or as an HTML page on routes of pages. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  constructor(
    private readonly logger: Logger,
    private readonly allowed: AllowedMethods,
    private readonly refusals: HttpOptions['refusals'],
  ) {}

  catch(error: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    const request = http.getRequest<FastifyRequest>();
    const reply = http.getResponse<FastifyReply>();
    // The request has already been answered (by the deadline or a stream), so the error can only be logged.
    if (reply.sent || reply.raw.headersSent) {
      this.report(error, request, LATE_ERROR);
      return;
    }
    if (error instanceof Replay) {
      error.send(reply);
      return;
    }
    const problem = this.refine(error, request, reply);
    if (problem.status >= 500) this.report(error, request, problem.problem);
    this.note(problem, request);
    if (sendToLogin(problem, request, reply) || sendProblemPage(problem, request, reply)) return;
    sendProblem(problem, request, reply);
  }

  private note(problem: Problem, request: FastifyRequest): void {
    const { principal, joining, requestId } = requestStateOf(request);
    const tenantId = joining ?? principal?.tenantId;
    if (!this.refusals || tenantId === undefined) return;
    // A user who wants to join is not a member of the tenant yet, so the tenant must not learn the user's id.
    const member = joining === undefined ? principal : undefined;
    const userId = member?.userId ?? null;
    const access = member && accessOfSession(request, member.sessionId);
    const operation = `${request.method} ${request.routeOptions?.url ?? '?'}`;
    // A user who wants to join does not see the reason of the tenant, but its audit does.
    const recorded = problem.cause instanceof Refusal ? toProblem(problem.cause) : problem;
    this.refusals.note({ tenantId, userId, access, operation, requestId }, recorded);
  }

  /** A path that exists under other methods answers 405; a path that does not exist answers 404. */
  private refine(error: unknown, request: FastifyRequest, reply: FastifyReply): Problem {
    if (!(request.is404 && error instanceof NotFoundException)) return toProblem(error);
    const allow = this.allowed.of(pathOf(request.raw.url ?? '/'));
    if (allow === undefined)
      return new Problem('not-found', { detail: 'This route does not exist. Check the path; /docs lists the routes.' });
    reply.header('allow', allow);
    return new Problem('method-not-allowed', { detail: `This path accepts ${allow}.` });
  }

  private report(error: unknown, request: FastifyRequest, message: string): void {
    const fields = { requestId: request.id, method: request.method, route: request.routeOptions?.url };
    const cause = error instanceof Problem && error.cause !== undefined ? error.cause : error;
    // An unavailable dependency is logged without a stack, because the reason is the same for all requests.
    if (message === 'internal-error' || message === LATE_ERROR) this.logger.error({ ...fields, err: cause }, message);
    else this.logger.warn({ ...fields, reason: cause instanceof Error ? cause.message : String(cause) }, message);
  }
}
