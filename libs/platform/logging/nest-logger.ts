import type { LoggerService } from '@nestjs/common';
import type { Logger } from './logger.port';

/** Logs the messages of Nest. Its info messages, which are about the start, get the level debug. */
export const nestLogger = (logger: Logger): LoggerService => ({
  log: (message: unknown, context?: unknown) => logger.debug({ context }, String(message)),
  debug: (message: unknown, context?: unknown) => logger.debug({ context }, String(message)),
  warn: (message: unknown, context?: unknown) => logger.warn({ context }, String(message)),
  error: (message: unknown, ...rest: unknown[]) => {
    const err = message instanceof Error ? message : rest.find((it) => it instanceof Error);
    logger.error({ err, context: rest.findLast((it) => typeof it === 'string') }, String(message));
  },
});
