import type { Logger } from '#platform/logging/logging';

type Stop = () => Promise<unknown>;

export interface Lifecycle {
  /** What was added last is stopped first. Add it before it is started: a signal may come in between. */
  add(name: string, stop: Stop, patienceMs: number): void;
  /** Runs when the process ends without waiting for anything. */
  atForcedExit(action: () => void): void;
  /** True once a stop is under way: start nothing more. */
  readonly stopping: boolean;
  /** Stops everything in order and ends the process. */
  stop(exitCode: number): Promise<never>;
}

/** Ctrl-C in a terminal arrives twice under npm, from the terminal and passed on by npm: two within this are one. */
const SAME_SIGNAL_MS = 1_000;
const CRASH_PATIENCE_MS = 5_000;

/** Ends the process in order on SIGINT, SIGTERM and SIGHUP; at once on a second one; with code 1 after a crash. */
export const createLifecycle = (logger: Logger): Lifecycle => {
  const stops: { name: string; stop: Stop; patienceMs: number }[] = [];
  let forced = (): void => undefined;
  let stopping: Promise<never> | undefined;
  let crashed = false;
  let signalledAt = 0;

  const exitNow = (code: number): never => {
    forced();
    process.exit(code);
  };

  const stopAll = async (exitCode: number): Promise<never> => {
    let code = exitCode;
    for (const { name, stop, patienceMs } of stops.toReversed()) {
      try {
        await withPatience(stop(), crashed ? Math.min(patienceMs, CRASH_PATIENCE_MS) : patienceMs);
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
    add: (name, stop, patienceMs) => {
      stops.push({ name, stop, patienceMs });
    },
    atForcedExit: (action) => {
      forced = action;
    },
    get stopping() {
      return stopping !== undefined;
    },
    stop,
  };
};

const withPatience = async (work: Promise<unknown>, ms: number): Promise<void> => {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not done after ${ms / 1000} s`)), ms);
  });
  try {
    await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
};
