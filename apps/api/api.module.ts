import { type DynamicModule, Module } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { CommandBus, CqrsModule } from '@nestjs/cqrs';
import { PassportModule } from '@nestjs/passport';
import { personHandlers } from '../../libs/domain/person/handlers';
import { tenantHandlers } from '../../libs/domain/tenant/handlers';
import { AggregateStore, type Executed } from '../../libs/event-log/aggregate-store';
import type { SigningKeys } from '../../libs/identity/signing-keys';
import { createTokenCache } from '../../libs/identity/token-cache';
import type { ScopedDb } from '../../libs/platform/database/scoped-db';
import { createSignUpEvents } from '../sign-up-events';
import type { Principal } from './http/request-context';
import { AuthGuard } from './identity/auth.guard';
import { IdentityController } from './identity/identity.controller';
import { createIdentity, type IdentityParts } from './identity/identity.service';
import { JwtStrategy } from './identity/jwt.strategy';
import { TenantController } from './tenant/tenant.controller';
import { IDENTITY, SCOPED_DB, SIGNING_KEYS, TOKEN_CACHE } from './tokens';

export interface ApiParts extends Omit<IdentityParts, 'events'> {
  readonly db: ScopedDb;
  readonly keys: SigningKeys;
  readonly store: AggregateStore;
}

/** Verified tokens that one process remembers. */
const TOKENS = 50_000;

/** The routes, and what they are made of. */
@Module({})
// biome-ignore lint/complexity/noStaticOnlyClass: Nest's dynamic modules are made this way.
export class ApiModule {
  static with({ db, keys, store, ...identity }: ApiParts): DynamicModule {
    return {
      module: ApiModule,
      imports: [CqrsModule.forRoot(), PassportModule],
      controllers: [IdentityController, TenantController],
      providers: [
        ...tenantHandlers,
        ...personHandlers,
        JwtStrategy,
        { provide: AggregateStore, useValue: store },
        { provide: SCOPED_DB, useValue: db },
        { provide: SIGNING_KEYS, useValue: keys },
        { provide: TOKEN_CACHE, useValue: createTokenCache<Principal>(TOKENS) },
        {
          provide: IDENTITY,
          inject: [CommandBus],
          useFactory: (bus: CommandBus) =>
            createIdentity({
              ...identity,
              db,
              events: createSignUpEvents((command) => bus.execute<typeof command, Executed>(command)),
            }),
        },
        { provide: APP_GUARD, useClass: AuthGuard },
      ],
    };
  }
}
