import { NestFactory } from '@nestjs/core';
import { CommandBus } from '@nestjs/cqrs';
import type { Logger } from '#platform/logging/logger.port';
import { nestLogger } from '#platform/logging/nest-logger';
import { CommandsModule } from './commands.module';
import type { CommandDeps } from './rule';

export interface OpenCommandBus {
  readonly bus: CommandBus;
  close(): Promise<void>;
}

export interface CommandBusOptions extends CommandDeps {
  /** For Nest's own messages. Nest has one logger per process: the last one given counts. */
  readonly logger: Logger;
}

/** The command bus for processes, or parts of one, that serve no HTTP: the worker, the command line, tests. */
export const openCommandBus = async ({ logger, ...deps }: CommandBusOptions): Promise<OpenCommandBus> => {
  const context = await NestFactory.createApplicationContext(CommandsModule.with(deps), {
    logger: nestLogger(logger),
    abortOnError: false,
  });
  return { bus: context.get(CommandBus, { strict: false }), close: () => context.close() };
};
