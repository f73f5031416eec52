import type { LoggerService } from '@nestjs/common';
import type { Logger } from './logger.port';

/** Nest's own messages as log lines. Those about its start are of interest only when something goes wrong. */
export const nestLogger = (logger: Logger): LoggerService => ({
  log: (message: unknown, context?: unknown) => logger.debug({ context }, String(message)),
  debug: (message: unknown, context?: unknown) => logger.debug({ context }, String(message)),
  warn: (message: unknown, context?: unknown) => logger.warn({ context }, String(message)),
  error: (message: unknown, ...rest: unknown[]) => {
    const err = message instanceof Error ? message : rest.find((it) => it instanceof Error);
    logger.error({ err, context: rest.findLast((it) => typeof it === 'string') }, String(message));
  },
});
