import type { Provider } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { ContractGuard } from './http/contract/contract.guard';
import { AuthGuard } from './identity/authentication/auth.guard';

/**
 * All guards of the API, in the order in which they run: first the authentication and the permission, then the HTTP
 * contract (unknown fields, rate limits, `If-Position`, `Idempotency-Key`, access record). No controller has further
 * guards.
 */
export const GUARDS: Provider[] = [
  { provide: APP_GUARD, useClass: AuthGuard },
  { provide: APP_GUARD, useClass: ContractGuard },
];
