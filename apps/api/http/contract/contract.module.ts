import { type DynamicModule, Global, Module } from '@nestjs/common';
import { ContractDeps } from './contract.guard';
import { PositionTokens } from './position-token';

/**
 * Provides to every module what `ContractGuard` needs, so that any module can declare the guard, and the tokens of
 * positions, for answers that contain one.
 */
@Global()
@Module({})
// biome-ignore lint/complexity/noStaticOnlyClass: Nest's dynamic modules are made this way.
export class ContractModule {
  static with(deps: ContractDeps, positions: PositionTokens): DynamicModule {
    return {
      module: ContractModule,
      providers: [
        { provide: ContractDeps, useValue: deps },
        { provide: PositionTokens, useValue: positions },
      ],
      exports: [ContractDeps, PositionTokens],
    };
  }
}
