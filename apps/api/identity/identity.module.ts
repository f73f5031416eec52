import { Module } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { Pool } from 'pg';
import type { Executed } from '../../../libs/event-log/aggregate-store';
import { createAccounts } from '../../../libs/identity/accounts';
import { createErasureStore } from '../../../libs/identity/erasure-store';
import { createSignUpStore, SignUpStore } from '../../../libs/identity/sign-up-store';
import { createErasureEvents } from '../../bootstrap/sagas/erasure-events';
import { createSignUpEvents } from '../../bootstrap/sagas/sign-up-events';
import { TenantStates } from '../../bootstrap/sagas/tenant-states';
import { AccountController } from './account/account.controller';
import { Account, createAccount } from './account/account.service';
import { SessionsController } from './account/sessions.controller';
import { AuthenticationModule } from './authentication/authentication.module';
import { IdentityController } from './sign-in/identity.controller';
import { createIdentity, Identity } from './sign-in/identity.service';
import { IdentityDeps, SignInDeps } from './sign-in/identity-deps';
import { SignInModule } from './sign-in/sign-in.module';

const identityOf = (deps: IdentityDeps, signIn: SignInDeps, bus: CommandBus): Identity =>
  createIdentity(
    deps,
    signIn,
    createSignUpEvents((command) => bus.execute<typeof command, Executed>(command)),
  );

const accountOf = (
  { pool, db, passwords }: IdentityDeps,
  signIn: SignInDeps,
  stateOf: TenantStates,
  bus: CommandBus,
): Account => {
  const execute = <Command extends object>(command: Command) => bus.execute<Command, Executed>(command);
  const erasure = { store: createErasureStore(pool), events: createErasureEvents({ execute, db, stateOf }) };
  return createAccount({ ...signIn, accounts: createAccounts(pool), passwords, erasure });
};

/** Signing up and in, and what users do with their own accounts and sessions. */
@Module({
  imports: [AuthenticationModule, SignInModule],
  controllers: [IdentityController, AccountController, SessionsController],
  providers: [
    IdentityDeps,
    SignInDeps,
    { provide: SignUpStore, inject: [Pool], useFactory: createSignUpStore },
    { provide: Identity, inject: [IdentityDeps, SignInDeps, CommandBus], useFactory: identityOf },
    { provide: Account, inject: [IdentityDeps, SignInDeps, TenantStates, CommandBus], useFactory: accountOf },
  ],
})
export class IdentityModule {}
