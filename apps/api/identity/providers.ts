import type { Provider } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { CommandBus } from '@nestjs/cqrs';
import type { OpenTenant } from '../../../libs/domain/tenant/evolve';
import type { AggregateStore, Executed } from '../../../libs/event-log/aggregate-store';
import type { EventLog } from '../../../libs/event-log/port';
import { createAccounts } from '../../../libs/identity/accounts';
import { createEndedSessions } from '../../../libs/identity/ended-sessions';
import { createErasureStore } from '../../../libs/identity/erasure-store';
import type { SigningKeys } from '../../../libs/identity/signing-keys';
import { createTokenCache } from '../../../libs/identity/token-cache';
import { LIMIT_GUARD, type LimitGuard } from '../../../libs/plans/limit-guard.port';
import { createErasureEvents } from '../../erasure-events';
import { createJoinEvents } from '../../join-events';
import { createSignUpEvents } from '../../sign-up-events';
import { createTenantStates } from '../../tenant-states';
import type { AccountThrottle } from '../http/account-throttle';
import type { Asker } from '../http/request-context';
import { createJoining, type JoiningParts } from '../invitations/joining.service';
import {
  ACCOUNT,
  AUTHORITY,
  ENDED_SESSIONS,
  IDENTITY,
  JOINING,
  PASSWORD_CHECK,
  SESSION_OPENER,
  SIGNING_KEYS,
  TOKEN_CACHE,
} from '../tokens';
import { createAccount } from './account.service';
import { AuthGuard } from './auth.guard';
import { type CallAllowance, createAuthority } from './authority';
import { createLiveCompany } from './companies';
import { createIdentity, type IdentityParts } from './identity.service';
import { JwtStrategy } from './jwt.strategy';
import { createPasswordCheck } from './password-check';
import { createSessionOpener } from './session-opener';

export interface IdentityProviderParts extends IdentityParts, JoiningParts {
  readonly store: AggregateStore;
  readonly log: EventLog;
  readonly throttle: AccountThrottle;
  /** ms for which known memberships let reads in while the log is not available. */
  readonly authorityGraceMs: number;
  /** Calls of the API that a company may make in a month; null: they are not counted. */
  readonly callsOf: (tenant: OpenTenant) => CallAllowance | null;
}

/** Verified tokens that one process remembers. */
const TOKENS = 50_000;

/** What is remembered was signed by a key that verifies: once one no longer does, each token is looked at again. */
const rememberedTokens = (keys: SigningKeys) => {
  const cache = createTokenCache<Asker>(TOKENS);
  keys.onRevoked(() => cache.drop(() => true));
  return cache;
};

/** Who somebody is, what they may do, and what they do with their account: as Nest injects it. */
export const identityProviders = (all: IdentityProviderParts): Provider[] => {
  const { store, log, throttle, callsOf, authorityGraceMs: graceMs, ...parts } = all;
  const { pool, db, passwords, accessTokens } = parts;
  const stateOf = createTenantStates(store);
  const onErased = (tenantId: string) => store.forgetTenant(tenantId);
  const ended = createEndedSessions({ pool, accessTtlSeconds: accessTokens.ttlSeconds });
  const check = createPasswordCheck({ passwords, throttle });
  const opener = createSessionOpener(parts);
  const inside = { check, opener, liveCompany: createLiveCompany(stateOf), ended };

  const identity = (bus: CommandBus) => {
    const events = createSignUpEvents((command) => bus.execute<typeof command, Executed>(command));
    return createIdentity(parts, inside, events);
  };
  const account = (bus: CommandBus) => {
    const execute = <Command extends object>(command: Command) => bus.execute<Command, Executed>(command);
    const erasure = { store: createErasureStore(pool), events: createErasureEvents({ execute, db, stateOf }) };
    return createAccount({ ...inside, accounts: createAccounts(pool), passwords, erasure });
  };

  const joining = (bus: CommandBus, guard: LimitGuard) => {
    const events = createJoinEvents((command) => bus.execute<typeof command, Executed>(command));
    return createJoining(parts, { check, opener, stateOf, guard }, events);
  };

  return [
    JwtStrategy,
    { provide: TOKEN_CACHE, inject: [SIGNING_KEYS], useFactory: rememberedTokens },
    { provide: ENDED_SESSIONS, useValue: ended },
    { provide: AUTHORITY, useValue: createAuthority({ stateOf, log, callsOf, onErased, graceMs }) },
    { provide: PASSWORD_CHECK, useValue: check },
    { provide: SESSION_OPENER, useValue: opener },
    { provide: IDENTITY, inject: [CommandBus], useFactory: identity },
    { provide: JOINING, inject: [CommandBus, LIMIT_GUARD], useFactory: joining },
    { provide: ACCOUNT, inject: [CommandBus], useFactory: account },
    { provide: APP_GUARD, useClass: AuthGuard },
  ];
};
