import { Gauge, type Registry } from 'prom-client';
import type { Logger } from '../logging/logger.port';
import { sleep } from '../loops/backoff';
import { type FailingCheck, NotReady, type ReadinessCheck } from './check';

export interface ReadinessOptions {
  readonly logger: Logger;
  /** Undefined: no metric is registered. */
  readonly registry?: Registry | undefined;
}

/** ms after which a check counts as failed. */
const CHECK_MS = 1_000;
/** ms for which a result is used again, so that many probes cause only one round of checks. */
const FRESH_MS = 250;
/** ms between two rounds without a probe, which keep the log and the metric up to date. */
const WATCH_MS = 2_000;

/** One run of all checks, which may still be in progress. */
interface Round {
  readonly result: Promise<FailingCheck[]>;
  /** `performance.now()` when it ended; undefined while it runs. */
  endedAt: number | undefined;
}

/**
 * Checks whether this process can do its work. Each part of the process adds its checks, and `/readyz` shows all that
 * fail. When a check begins to fail or passes again, one line is logged, and the gauge `tenantry_ready` shows the last
 * result. Rounds do not overlap. A check that hangs counts as failed, and is not started again before it has ended.
 */
export const createReadiness = ({ logger, registry }: ReadinessOptions) => {
  const checks = new Map<string, ReadinessCheck>();
  const failing = new Map<string, string>();
  /** The runs of checks that have not ended. */
  const running = new Map<ReadinessCheck, Promise<string | undefined>>();
  const gauge =
    registry &&
    new Gauge({
      name: 'tenantry_ready',
      help: '1: the readiness check passes. 0: it fails',
      labelNames: ['check'],
      registers: [registry],
    });
  let last: Round | undefined;

  const note = ({ name, runbook, isExpected }: ReadinessCheck, message: string | undefined): void => {
    gauge?.set({ check: name }, message === undefined ? 1 : 0);
    const before = failing.get(name);
    if (message === before) return;
    if (message === undefined) {
      failing.delete(name);
      if (!isExpected) logger.info({ check: name }, 'readiness check passes again');
    } else {
      failing.set(name, message);
      if (!isExpected) logger.warn({ check: name, reason: message, runbook }, 'readiness check fails');
    }
  };

  const resultOf = (check: ReadinessCheck): Promise<string | undefined> => {
    const hanging = running.get(check);
    if (hanging) return hanging;
    const run = failureOf(check).finally(() => running.delete(check));
    running.set(check, run);
    return run;
  };

  const runRound = async (): Promise<FailingCheck[]> => {
    const results = await Promise.all(
      [...checks.values()].map(async (check) => {
        const message = await inTime(resultOf(check), check.message);
        // The check may have been replaced in the meantime.
        if (checks.get(check.name) === check) note(check, message);
        return message === undefined ? [] : [{ name: check.name, message, runbook: check.runbook }];
      }),
    );
    return results.flat();
  };

  const run = (): Promise<FailingCheck[]> => {
    if (last && (last.endedAt === undefined || performance.now() - last.endedAt <= FRESH_MS)) return last.result;
    const round: Round = {
      result: runRound().finally(() => {
        round.endedAt = performance.now();
      }),
      endedAt: undefined,
    };
    last = round;
    return round.result;
  };

  return {
    /** Adds checks. A check with the same name is replaced. */
    add: (...added: readonly ReadinessCheck[]): void => {
      for (const check of added) checks.set(check.name, check);
      last = undefined;
    },
    /** The checks that fail now, in the order in which they were added. */
    failing: run,
    /** Runs the checks again, even if the last result is fresh. Call it when something has changed. */
    refresh: (): Promise<FailingCheck[]> => {
      last = undefined;
      return run();
    },
    /** Runs the checks every two seconds until the signal aborts. */
    watch: async (signal: AbortSignal): Promise<void> => {
      while (!signal.aborted) {
        await sleep(WATCH_MS, signal);
        if (!signal.aborted) await run();
      }
    },
  };
};

export type Readiness = ReturnType<typeof createReadiness>;

/** The message of the failure; undefined if the check passes. Never rejects. */
const failureOf = async ({ message, run }: ReadinessCheck): Promise<string | undefined> => {
  try {
    await run();
    return undefined;
  } catch (error) {
    return error instanceof NotReady ? error.message : message;
  }
};

/**
 * The result of a check, or `message` if the check takes longer than CHECK_MS. If the timer fires late because this
 * process was busy, the check gets CHECK_MS once more.
 */
const inTime = async (result: Promise<string | undefined>, message: string): Promise<string | undefined> => {
  let timer: NodeJS.Timeout | undefined;
  const begun = performance.now();
  const late = new Promise<string>((resolve) => {
    // Only after the event loop has read the network: if this process was busy, the answer may have arrived unread.
    const fail = (): void => void setImmediate(() => setImmediate(() => resolve(message)));
    timer = setTimeout(() => {
      if (performance.now() - begun < CHECK_MS * 1.5) return fail();
      timer = setTimeout(fail, CHECK_MS);
    }, CHECK_MS);
  });
  try {
    return await Promise.race([result, late]);
  } finally {
    clearTimeout(timer);
  }
};
