import type { ExecutionContext } from '@nestjs/common';
import { contextOf, type Principal } from '#apps/api/http/requests/request-context';
import { AuthGuard } from '#apps/api/identity/authentication/auth.guard';

/** The whole product; with BENCH_PRINCIPAL every request is that user's, and no token is looked at. */
const given = process.env['BENCH_PRINCIPAL'];
if (given) {
  const principal = JSON.parse(given) as Principal;
  AuthGuard.prototype.canActivate = (execution: ExecutionContext): boolean => {
    contextOf(execution.switchToHttp().getRequest()).principal = principal;
    return true;
  };
}

void import('../../../apps/main.js');
