import { RegisterPerson } from '../../libs/domain/person/commands';
import { RegisterPersonHandler } from '../../libs/domain/person/handlers';
import { CreateTenantHandler } from '../../libs/domain/tenant/handlers';
import { AggregateStore } from '../../libs/event-log/aggregate-store';
import { sweepSignUps } from '../../libs/identity/sign-up';
import { createSignUpStore } from '../../libs/identity/sign-up-store';
import { sleep } from '../../libs/platform/backoff';
import { createPostgresIdempotencyStore } from '../../libs/platform/idempotency/store';
import type { Runtime } from '../runtime';
import { createSignUpEvents } from '../sign-up-events';

/** ms between two looks. */
const SIGN_UPS_MS = 5_000;
const KEYS_MS = 600_000;

/** Completes what requests that were cut off have left, and removes what has had its time. */
export const startSweepers = ({ log, projectorPool, logger }: Runtime): { stop(): Promise<void> } => {
  const store = new AggregateStore({ log });
  const tenants = new CreateTenantHandler(store);
  const people = new RegisterPersonHandler(store);
  const events = createSignUpEvents((command) =>
    command instanceof RegisterPerson ? people.execute(command) : tenants.execute(command),
  );
  const signUps = createSignUpStore(projectorPool);
  const stopping = new AbortController();

  const every = async (ms: number, what: string, work: () => Promise<void>): Promise<void> => {
    while (!stopping.signal.aborted) {
      await work().catch((error: unknown) => logger.warn({ err: error }, `${what} failed, trying again later`));
      await sleep(ms, stopping.signal);
    }
  };

  const completeSignUps = async (): Promise<void> => {
    const completed = await sweepSignUps(signUps, events);
    if (completed > 0) logger.info({ completed }, 'completed sign-ups that were cut off');
  };

  const keys = createPostgresIdempotencyStore(projectorPool);
  const sweeping = [
    every(SIGN_UPS_MS, 'completing sign-ups', completeSignUps),
    every(KEYS_MS, 'purging idempotency keys', async () => {
      await keys.purge();
    }),
  ];
  return {
    stop: async () => {
      stopping.abort();
      await Promise.all(sweeping);
    },
  };
};
