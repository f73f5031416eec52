import { Gauge, type Registry } from 'prom-client';
import type { Logger } from '../logging/logger.port';
import { sleep } from '../loops/backoff';
import { type FailingCheck, NotReady, type ReadinessCheck } from './check';

export interface ReadinessOptions {
  readonly logger: Logger;
  /** Left out: no metric. */
  readonly registry?: Registry | undefined;
}

/** ms that one check may take. */
const CHECK_MS = 1_000;
/** ms that a result is used for: many probes cause one round of checks. */
const FRESH_MS = 250;
/** ms between two rounds while nobody probes, so that log and metric change without a probe. */
const WATCH_MS = 2_000;

/** A round of all checks: under way, or done. */
interface Round {
  readonly result: Promise<FailingCheck[]>;
  /** `performance.now()` when it ended; undefined while it runs. */
  endedAt: number | undefined;
}

/**
 * Whether this process can do its work. The parts of the process add what they need; `/readyz` answers for all of it. A
 * check that begins to fail, or passes again, is logged once, and the gauge `tenantry_ready` holds the last result. Rounds
 * do not overlap, and a check that hangs is not started again before it has ended: it counts as failed meanwhile.
 */
export const createReadiness = ({ logger, registry }: ReadinessOptions) => {
  const checks = new Map<string, ReadinessCheck>();
  const failing = new Map<string, string>();
  /** Runs that have not ended, with what they come to. */
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
        // It may have been replaced meanwhile.
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
    /** A check of the same name is replaced. */
    add: (...added: readonly ReadinessCheck[]): void => {
      for (const check of added) checks.set(check.name, check);
      last = undefined;
    },
    /** The checks that fail now, in the order in which they were added. */
    failing: run,
    /** Runs the checks again, also where a result is still fresh: something has changed. */
    refresh: (): Promise<FailingCheck[]> => {
      last = undefined;
      return run();
    },
    /** Runs the checks from time to time until the signal aborts. */
    watch: async (signal: AbortSignal): Promise<void> => {
      while (!signal.aborted) {
        await sleep(WATCH_MS, signal);
        if (!signal.aborted) await run();
      }
    },
  };
};

export type Readiness = ReturnType<typeof createReadiness>;

/** Undefined where the check passes. Never rejects. */
const failureOf = async ({ message, run }: ReadinessCheck): Promise<string | undefined> => {
  try {
    await run();
    return undefined;
  } catch (error) {
    return error instanceof NotReady ? error.message : message;
  }
};

/** What the check comes to within its time, else that it fails. A process that was itself too busy gives it that time again. */
const inTime = async (result: Promise<string | undefined>, message: string): Promise<string | undefined> => {
  let timer: NodeJS.Timeout | undefined;
  const begun = performance.now();
  const late = new Promise<string>((resolve) => {
    // After a look at the network: where this process itself was late, the answer may lie there unread.
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
