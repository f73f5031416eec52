import { type DynamicModule, Global, Module } from '@nestjs/common';
import { ContractDeps } from './contract.guard';

/** Provides what `ContractGuard` needs, so that any module can list the guard among its own. */
@Global()
@Module({})
// biome-ignore lint/complexity/noStaticOnlyClass: Nest's dynamic modules are made this way.
export class ContractModule {
  static with(deps: ContractDeps): DynamicModule {
    return {
      module: ContractModule,
      providers: [{ provide: ContractDeps, useValue: deps }],
      exports: [ContractDeps],
    };
  }
}
