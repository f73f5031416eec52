import { Gauge, type Registry } from 'prom-client';
import { sleep } from '../backoff';
import type { Logger } from '../logger.port';
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

/**
 * Whether this process can do its work. The parts of the process add what they need; `/readyz` answers for all of it. A
 * check that begins to fail, or passes again, is logged once, and the gauge `tenantry_ready` holds the last result.
 */
export const createReadiness = ({ logger, registry }: ReadinessOptions) => {
  const checks = new Map<string, ReadinessCheck>();
  const failing = new Map<string, string>();
  const gauge =
    registry &&
    new Gauge({
      name: 'tenantry_ready',
      help: '1: the readiness check passes. 0: it fails',
      labelNames: ['check'],
      registers: [registry],
    });
  let last: { readonly at: number; readonly round: Promise<FailingCheck[]> } | undefined;

  const note = ({ name, runbook }: ReadinessCheck, message: string | undefined): void => {
    gauge?.set({ check: name }, message === undefined ? 1 : 0);
    const before = failing.get(name);
    if (message === before) return;
    if (message === undefined) {
      failing.delete(name);
      logger.info({ check: name }, 'readiness check passes again');
    } else {
      failing.set(name, message);
      logger.warn({ check: name, reason: message, runbook }, 'readiness check fails');
    }
  };

  const runRound = async (): Promise<FailingCheck[]> => {
    const results = await Promise.all(
      [...checks.values()].map(async (check) => {
        const message = await failureOf(check);
        note(check, message);
        return message === undefined ? [] : [{ name: check.name, message, runbook: check.runbook }];
      }),
    );
    return results.flat();
  };

  const run = (): Promise<FailingCheck[]> => {
    const now = performance.now();
    if (last === undefined || now - last.at > FRESH_MS) last = { at: now, round: runRound() };
    return last.round;
  };

  return {
    /** A check of the same name is replaced. */
    add: (...added: readonly ReadinessCheck[]): void => {
      for (const check of added) checks.set(check.name, check);
    },
    /** The checks that fail now, in the order in which they were added. */
    failing: run,
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

/** Undefined where the check passes. */
const failureOf = async ({ message, run }: ReadinessCheck): Promise<string | undefined> => {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<string>((resolve) => {
    timer = setTimeout(() => resolve(message), CHECK_MS);
  });
  try {
    return await Promise.race([
      Promise.resolve()
        .then(run)
        .then(() => undefined),
      late,
    ]);
  } catch (error) {
    return error instanceof NotReady ? error.message : message;
  } finally {
    clearTimeout(timer);
  }
};
