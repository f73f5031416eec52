import { Module } from '@nestjs/common';
import { Pool } from 'pg';
import { createFailedSignIns } from '#identity/facts/failed-sign-ins';
import { createPasswords, Passwords } from '#identity/passwords';
import { createPendingMemberships, PendingMemberships } from '#identity/pending-memberships';
import { createNetworkMarks, NetworkMarks } from '#identity/sessions/network-marks';
import { createSessions, Sessions } from '#identity/sessions/sessions';
import { AccessTokens, createAccessTokens } from '#identity/tokens/access-tokens';
import { TenantStates } from '../../../bootstrap/sagas/tenant-states';
import { ApiContext } from '../../core/api-context';
import { AccountThrottle } from '../../http/limits/account-throttle';
import { AuthenticationModule } from '../authentication/authentication.module';
import { createPasswordCheck, PasswordCheck } from './password-check';
import { createSessionOpener, SessionOpener, SessionOpenerDeps } from './session-opener';
import { createLiveTenant, LiveTenant } from './tenants';

const MINUTE_SECONDS = 60;

const passwordsOf = ({ settings, argon2 }: ApiContext): Passwords =>
  createPasswords({ concurrency: settings.passwordHashConcurrency }, argon2);

const throttleOf = ({ settings, makeLimiter }: ApiContext): AccountThrottle => {
  const attempts = (name: string, limit: number) => makeLimiter({ name, limit, windowSeconds: MINUTE_SECONDS });
  return new AccountThrottle({
    network: attempts('account', settings.signinAccountRatePerMinute),
    everywhere: attempts('account-everywhere', settings.signinAccountTotalRatePerMinute),
  });
};

/**
 * Provides the password check, the sessions and the tokens for every route that signs a user in, and the protection of
 * new memberships against an erasure.
 */
@Module({
  imports: [AuthenticationModule],
  providers: [
    { provide: Passwords, inject: [ApiContext], useFactory: passwordsOf },
    { provide: AccountThrottle, inject: [ApiContext], useFactory: throttleOf },
    {
      provide: PasswordCheck,
      inject: [Passwords, AccountThrottle, Pool, ApiContext],
      useFactory: (passwords: Passwords, throttle: AccountThrottle, pool: Pool, { logger }: ApiContext) =>
        createPasswordCheck({ passwords, throttle, countFailed: createFailedSignIns({ pool, logger }) }),
    },
    {
      provide: Sessions,
      inject: [Pool, ApiContext],
      useFactory: (pool: Pool, { settings }: ApiContext) => createSessions(pool, settings.refreshTokenTtlDays),
    },
    {
      provide: AccessTokens,
      inject: [ApiContext],
      useFactory: ({ keys, settings }: ApiContext) => createAccessTokens(keys, settings.accessTokenTtlSeconds),
    },
    {
      provide: NetworkMarks,
      inject: [ApiContext],
      useFactory: ({ secretKey }: ApiContext) => createNetworkMarks(secretKey),
    },
    { provide: PendingMemberships, inject: [Pool], useFactory: createPendingMemberships },
    SessionOpenerDeps,
    { provide: SessionOpener, inject: [SessionOpenerDeps], useFactory: createSessionOpener },
    { provide: LiveTenant, inject: [TenantStates], useFactory: createLiveTenant },
  ],
  exports: [
    ...[Passwords, PasswordCheck, Sessions, AccessTokens, NetworkMarks, PendingMemberships, SessionOpener, LiveTenant],
  ],
})
export class SignInModule {}
