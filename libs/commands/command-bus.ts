import { NestFactory } from '@nestjs/core';
import { CommandBus } from '@nestjs/cqrs';
import type { Logger } from '#platform/logging/logger.port';
import { nestLogger } from '#platform/logging/nest-logger';
import { CommandsModule } from './commands.module';
import type { CommandDeps } from './rule';

export interface OpenCommandBus {
  readonly bus: CommandBus;
  /** Closes Nest's application context. The store and the guard stay open. */
  close(): Promise<void>;
}

export interface CommandBusOptions extends CommandDeps {
  /**
   * For the messages of Nest itself. Nest has one logger for the whole process, so the last logger that is passed is
   * used.
   */
  readonly logger: Logger;
}

/** Opens a command bus for code without the HTTP API: the worker, the command line and tests. */
export const openCommandBus = async ({ logger, ...deps }: CommandBusOptions): Promise<OpenCommandBus> => {
  const context = await NestFactory.createApplicationContext(CommandsModule.with(deps), {
    logger: nestLogger(logger),
    abortOnError: false,
  });
  return { bus: context.get(CommandBus, { strict: false }), close: () => context.close() };
};
