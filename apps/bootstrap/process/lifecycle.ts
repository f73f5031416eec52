import type { Logger } from '#platform/logging/logging';

type Stop = () => Promise<unknown>;

export interface Lifecycle {
  /**
   * Adds a part to stop. The part that was added last is stopped first. Add a part before it is started, because a
   * signal may arrive during its start.
   * @param timeoutMs ms after which the next part is stopped, even if this one has not stopped
   */
  add(name: string, stop: Stop, timeoutMs: number): void;
  /** Sets the action that runs when the process ends immediately, without stopping its parts. */
  atForcedExit(action: () => void): void;
  /** True once the process is stopping: start nothing more. */
  readonly stopping: boolean;
  /**
   * Stops all parts one after the other, and ends the process. The exit code is 1 if it would be 0 and a part fails.
   */
  stop(exitCode: number): Promise<never>;
}

/** ms. Under npm, Ctrl-C arrives twice, from the terminal and from npm: two signals within this time count as one. */
const SAME_SIGNAL_MS = 1_000;
/** ms that each part may take to stop after a crash. */
const CRASH_TIMEOUT_MS = 5_000;

/**
 * Stops the parts and ends the process on SIGINT, SIGTERM and SIGHUP, and with code 1 after a crash (an uncaught
 * exception or an unhandled rejection). A second signal ends the process immediately, with code 130.
 */
export const createLifecycle = (logger: Logger): Lifecycle => {
  const stops: { name: string; stop: Stop; timeoutMs: number }[] = [];
  let forcedExitAction = (): void => undefined;
  let stopping: Promise<never> | undefined;
  let crashed = false;
  let signalledAt = 0;

  const exitNow = (code: number): never => {
    forcedExitAction();
    process.exit(code);
  };

  const stopAll = async (exitCode: number): Promise<never> => {
    let code = exitCode;
    for (const { name, stop, timeoutMs } of stops.toReversed()) {
      try {
        await withTimeout(stop(), crashed ? Math.min(timeoutMs, CRASH_TIMEOUT_MS) : timeoutMs);
      } catch (error) {
        code = code || 1;
        logger.error({ err: error }, `${name} did not stop cleanly`);
      }
    }
    return exitNow(code);
  };

  const stop = (exitCode: number): Promise<never> => {
    stopping ??= stopAll(exitCode);
    return stopping;
  };

  const onSignal = (signal: NodeJS.Signals): void => {
    if (!stopping) {
      signalledAt = Date.now();
      logger.info(`${signal}: finishing the work in progress; send the signal again to stop immediately`);
      void stop(0);
    } else if (Date.now() - signalledAt > SAME_SIGNAL_MS) {
      exitNow(130);
    }
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, onSignal);

  const onCrash = (error: unknown, origin: string): void => {
    logger.fatal({ err: error }, `stopping after an ${origin}`);
    if (crashed) exitNow(1);
    crashed = true;
    void stop(1);
  };
  process.on('uncaughtException', onCrash);
  process.on('unhandledRejection', (reason) => onCrash(reason, 'unhandledRejection'));
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);

  return {
    add: (name, stop, timeoutMs) => {
      stops.push({ name, stop, timeoutMs });
    },
    atForcedExit: (action) => {
      forcedExitAction = action;
    },
    get stopping() {
      return stopping !== undefined;
    },
    stop,
  };
};

const withTimeout = async (work: Promise<unknown>, ms: number): Promise<void> => {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`it had not stopped after ${ms / 1000} s`)), ms);
  });
  try {
    await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
};
