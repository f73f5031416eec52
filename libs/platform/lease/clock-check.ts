import { NotReady, type ReadinessCheck } from '../readiness/check';
import type { DatabaseClock } from './database-clock';

/**
 * ms by which the clocks of a machine and the database may differ. Tokens and invitations expire by the machine's
 * clock.
 */
const MAX_SKEW_MS = 5_000;

/** Checks that the clock of this machine agrees with the database's clock, with a tolerance of 5 s. */
export const clockCheck = (clock: Pick<DatabaseClock, 'skewMs'>): ReadinessCheck => ({
  name: 'clock',
  message: "The clock of this machine differs from the database's clock.",
  runbook: 'docs/runbooks/readiness.md#clock',
  run: async () => {
    const skewMs = clock.skewMs();
    if (Math.abs(skewMs) <= MAX_SKEW_MS) return;
    const seconds = Math.round(Math.abs(skewMs) / 1_000);
    const side = skewMs > 0 ? 'ahead of' : 'behind';
    throw new NotReady(
      `The clock of this machine is ${seconds} s ${side} the database's clock; at most ${MAX_SKEW_MS / 1_000} s are allowed. Set the clock that is wrong.`,
    );
  },
});
