import { type DynamicModule, Global, Module } from '@nestjs/common';
import { ContractDeps } from './contract.guard';

/** Provides what `ContractGuard` needs to every module, so that any module can declare the guard. */
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
