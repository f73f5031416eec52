import type { Pool } from 'pg';
import { takeIn } from './inbox-store';
import type { Told } from './told';

/** Events of one statement at most. */
const AT_ONCE = 500;

interface Waiting {
  readonly told: Told;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Takes webhooks in durably, those of all requests together: while one statement commits, the next ones gather. Resolves
 * once its own is committed, and only then may Stripe be told so.
 */
export const createIntake = (pool: Pool, onTaken: () => void) => {
  const waiting: Waiting[] = [];
  let running = false;

  const run = async (): Promise<void> => {
    running = true;
    while (waiting.length > 0) {
      const batch = waiting.splice(0, AT_ONCE);
      try {
        await takeIn(
          pool,
          batch.map(({ told }) => told),
        );
        for (const { resolve } of batch) resolve();
        if (batch.some(({ told }) => told.state === 'pending')) onTaken();
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
    running = false;
  };

  return (told: Told): Promise<void> =>
    new Promise((resolve, reject) => {
      waiting.push({ told, resolve, reject });
      if (!running) void run();
    });
};

export type Intake = ReturnType<typeof createIntake>;
