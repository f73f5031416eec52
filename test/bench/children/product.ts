import type { ExecutionContext } from '@nestjs/common';
import { contextOf, type Principal } from '#apps/api/http/requests/request-context';
import { AuthGuard } from '#apps/api/identity/authentication/auth.guard';

/**
 * Runs the whole product. With BENCH_PRINCIPAL, every request counts as a request of this user, and no token is
 * checked.
 */
const principalJson = process.env['BENCH_PRINCIPAL'];
if (principalJson) {
  const principal = JSON.parse(principalJson) as Principal;
  AuthGuard.prototype.canActivate = (execution: ExecutionContext): boolean => {
    contextOf(execution.switchToHttp().getRequest()).principal = principal;
    return true;
  };
}

void import('../../../apps/main.js');
