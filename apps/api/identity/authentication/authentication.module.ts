import { Module } from '@nestjs/common';
import { PassportModule } from '@nestjs/passport';
import { Pool } from 'pg';
import { AggregateStore } from '#event-log/aggregate/aggregate-store';
import { SigningKeys } from '#identity/keys/signing-keys';
import { createEndedSessions, EndedSessions } from '#identity/sessions/ended-sessions';
import { TenantStates } from '../../../bootstrap/sagas/tenant-states';
import { ApiContext } from '../../core/api-context';
import { Plans } from '../../plans/open-plans';
import { PlansModule } from '../../plans/plans.module';
import { JwtStrategy } from './jwt.strategy';
import { createMembershipCache, MembershipCache } from './membership-cache';
import { createVerifiedTokens, VerifiedTokens } from './verified-tokens';

const membershipCacheOf = (
  { log, settings }: ApiContext,
  store: AggregateStore,
  stateOf: TenantStates,
  { callsOf }: Plans,
): MembershipCache =>
  createMembershipCache({
    ...{ stateOf, log, callsOf },
    onErased: (tenantId) => store.forgetTenant(tenantId),
    graceMs: settings.authorityGraceSeconds * 1_000,
  });

const endedSessionsOf = ({ settings }: ApiContext, pool: Pool): EndedSessions =>
  createEndedSessions({ pool, accessTtlSeconds: settings.accessTokenTtlSeconds });

/** The dependencies of the authentication guard: the verified tokens, the ended sessions and the memberships. */
@Module({
  imports: [PassportModule, PlansModule],
  providers: [
    JwtStrategy,
    { provide: VerifiedTokens, inject: [SigningKeys], useFactory: createVerifiedTokens },
    { provide: EndedSessions, inject: [ApiContext, Pool], useFactory: endedSessionsOf },
    {
      provide: MembershipCache,
      inject: [ApiContext, AggregateStore, TenantStates, Plans],
      useFactory: membershipCacheOf,
    },
  ],
  exports: [VerifiedTokens, EndedSessions, MembershipCache],
})
export class AuthenticationModule {}
