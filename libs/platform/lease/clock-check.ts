import { NotReady, type ReadinessCheck } from '../readiness/check';
import type { DatabaseClock } from './database-clock';

/** ms by which a machine's clock and the database's may differ: tokens and invitations end by the former. */
const MAX_SKEW_MS = 5_000;

/** Whether the clock of this machine fits the database's. */
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
