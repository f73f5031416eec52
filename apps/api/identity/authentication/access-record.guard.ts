import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { AccessRecords } from '#access/access-records';
import { accessOfSession } from '../../http/requests/client';
import { contextOf } from '../../http/requests/request-context';

/**
 * Finds the access record of each write by a signed-in user, for the events of the request. It returns a promise only
 * if the database must be asked, because a promise would cost time in every request.
 */
@Injectable()
export class AccessRecordGuard implements CanActivate {
  constructor(private readonly records: AccessRecords) {}

  canActivate(execution: ExecutionContext): boolean | Promise<boolean> {
    const request = execution.switchToHttp().getRequest<FastifyRequest>();
    if (request.method === 'GET' || request.method === 'HEAD') return true;
    const context = contextOf(request);
    const { principal } = context;
    if (!principal) return true;
    const found = this.records.find(accessOfSession(request, principal.sessionId), principal.userId);
    if (typeof found !== 'string')
      return found.then((id) => {
        context.accessId = id;
        return true;
      });
    context.accessId = found;
    return true;
  }
}
