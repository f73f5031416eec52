import { Module } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { Pool } from 'pg';
import type { CommandResult } from '#event-log/aggregate/aggregate-store';
import { createAccounts } from '#identity/accounts';
import { createErasureStore } from '#identity/sagas/erasure-store';
import { createSignUpStore, SignUpStore } from '#identity/sagas/sign-up-store';
import { createErasureEvents } from '../../bootstrap/sagas/erasure-events';
import { createSignUpEvents } from '../../bootstrap/sagas/sign-up-events';
import { TenantStates } from '../../bootstrap/sagas/tenant-states';
import { ApiContext } from '../core/api-context';
import { AccountController } from './account/account.controller';
import { AccountService, createAccountService } from './account/account.service';
import { SessionsController } from './account/sessions.controller';
import { AuthenticationModule } from './authentication/authentication.module';
import { IdentityController } from './sign-in/identity.controller';
import { createIdentityService, IdentityService } from './sign-in/identity.service';
import { IdentityDeps, SignInDeps } from './sign-in/identity-deps';
import { SignInModule } from './sign-in/sign-in.module';

const identityServiceOf = (deps: IdentityDeps, signIn: SignInDeps, bus: CommandBus): IdentityService =>
  createIdentityService(
    deps,
    signIn,
    createSignUpEvents((command) => bus.execute<typeof command, CommandResult>(command)),
  );

const accountServiceOf = (
  { pool, db, passwords, sessions }: IdentityDeps,
  signIn: SignInDeps,
  stateOf: TenantStates,
  bus: CommandBus,
  { log, waiter, settings, makeLimiter }: ApiContext,
): AccountService => {
  const execute = <Command extends object>(command: Command) => bus.execute<Command, CommandResult>(command);
  const erasure = {
    store: createErasureStore(pool),
    events: createErasureEvents({ execute, db, stateOf, log, waiter }),
  };
  const addressChanges = makeLimiter({
    ...{ name: 'email-change', limit: settings.emailChangeRatePerHour, windowSeconds: 3_600 },
  });
  return createAccountService({
    ...signIn,
    addressChanges,
    accounts: createAccounts(pool),
    sessions,
    passwords,
    erasure,
  });
};

/** Sign-up, sign-in, and the routes about the account and the sessions of the signed-in user. */
@Module({
  imports: [AuthenticationModule, SignInModule],
  controllers: [IdentityController, AccountController, SessionsController],
  providers: [
    IdentityDeps,
    SignInDeps,
    { provide: SignUpStore, inject: [Pool], useFactory: createSignUpStore },
    { provide: IdentityService, inject: [IdentityDeps, SignInDeps, CommandBus], useFactory: identityServiceOf },
    {
      provide: AccountService,
      inject: [IdentityDeps, SignInDeps, TenantStates, CommandBus, ApiContext],
      useFactory: accountServiceOf,
    },
  ],
})
export class IdentityModule {}
