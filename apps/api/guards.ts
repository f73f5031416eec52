import type { Provider } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { ContractGuard } from './http/contract/contract.guard';
import { AuthGuard } from './identity/authentication/auth.guard';

/**
 * All guards. Every request passes them in this order: first who asks and whether they may, then what the contract says of
 * the request (unknown fields, rate limits, `If-Position`, `Idempotency-Key`). No controller has guards of its own.
 */
export const GUARDS: Provider[] = [
  { provide: APP_GUARD, useClass: AuthGuard },
  { provide: APP_GUARD, useClass: ContractGuard },
];
