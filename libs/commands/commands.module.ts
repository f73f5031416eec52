import { type DynamicModule, Module } from '@nestjs/common';
import { CqrsModule } from '@nestjs/cqrs';
import { AggregateStore } from '#event-log/aggregate/aggregate-store';
import { LimitGuard } from '#plans/limit-guard.port';
import { commandHandlers } from './handlers';
import type { CommandDeps } from './rule';

/** The command handlers, and Nest's `CommandBus`, which all modules of the application can inject. */
@Module({})
// biome-ignore lint/complexity/noStaticOnlyClass: a dynamic module of Nest is a class with a static method.
export class CommandsModule {
  static with({ store, limits }: CommandDeps): DynamicModule {
    return {
      module: CommandsModule,
      imports: [CqrsModule.forRoot()],
      providers: [
        ...commandHandlers,
        { provide: AggregateStore, useValue: store },
        { provide: LimitGuard, useValue: limits },
      ],
      exports: [AggregateStore, LimitGuard],
    };
  }
}
