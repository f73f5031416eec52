import { type DynamicModule, Global, Module } from '@nestjs/common';
import { CqrsModule } from '@nestjs/cqrs';
import { Pool } from 'pg';
import { AccessRecords } from '#access/access-records';
import { AggregateStore } from '#event-log/aggregate/aggregate-store';
import { SigningKeys } from '#identity/keys/signing-keys';
import { ScopedDb } from '#platform/database/scoped/scoped-db';
import { createTenantStates, TenantStates } from '../../bootstrap/sagas/tenant-states';
import { ApiContext, type ApiDeps } from './api-context';
import { PublicUrl } from './public-url';

/** What the modules share with the HTTP layer. */
export interface CoreParts {
  readonly publicUrl: PublicUrl;
  readonly accessRecords: AccessRecords;
}

/** Provides the dependencies of the API and the access to its data to every feature module. */
@Global()
@Module({})
// biome-ignore lint/complexity/noStaticOnlyClass: Nest's dynamic modules are made this way.
export class CoreModule {
  static with(deps: ApiDeps, { publicUrl, accessRecords }: CoreParts): DynamicModule {
    const { pool, db, keys, log, snapshots } = deps;
    return {
      module: CoreModule,
      imports: [CqrsModule.forRoot()],
      providers: [
        { provide: ApiContext, useValue: deps },
        { provide: Pool, useValue: pool },
        { provide: ScopedDb, useValue: db },
        { provide: SigningKeys, useValue: keys },
        { provide: PublicUrl, useValue: publicUrl },
        { provide: AggregateStore, useValue: new AggregateStore({ log, ...(snapshots && { snapshots }) }) },
        { provide: AccessRecords, useValue: accessRecords },
        { provide: TenantStates, inject: [AggregateStore], useFactory: createTenantStates },
      ],
      exports: [ApiContext, Pool, ScopedDb, SigningKeys, PublicUrl, AggregateStore, AccessRecords, TenantStates],
    };
  }
}
