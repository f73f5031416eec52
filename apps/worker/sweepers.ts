import { RegisterPerson } from '../../libs/domain/person/commands';
import { RegisterPersonHandler } from '../../libs/domain/person/handlers';
import { CreateTenantHandler } from '../../libs/domain/tenant/handlers';
import { AggregateStore } from '../../libs/event-log/aggregate-store';
import { sweepSignUps } from '../../libs/identity/sign-up';
import { createSignUpStore } from '../../libs/identity/sign-up-store';
import { sleep } from '../../libs/platform/backoff';
import type { Runtime } from '../runtime';
import { createSignUpEvents } from '../sign-up-events';

const SWEEP_MS = 5_000;

/** Completes what requests that were cut off have left. Several workers share the work, row by row. */
export const startSweepers = ({ log, projectorPool, logger }: Runtime): { stop(): Promise<void> } => {
  const store = new AggregateStore({ log });
  const tenants = new CreateTenantHandler(store);
  const people = new RegisterPersonHandler(store);
  const events = createSignUpEvents((command) =>
    command instanceof RegisterPerson ? people.execute(command) : tenants.execute(command),
  );
  const signUps = createSignUpStore(projectorPool);
  const stopping = new AbortController();

  const sweep = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      try {
        const completed = await sweepSignUps(signUps, events);
        if (completed > 0) logger.info({ completed }, 'completed sign-ups that were cut off');
      } catch (error) {
        logger.warn({ err: error }, 'sign-ups that were cut off could not be completed, trying again');
      }
      await sleep(SWEEP_MS, stopping.signal);
    }
  };

  const sweeping = sweep();
  return {
    stop: () => {
      stopping.abort();
      return sweeping;
    },
  };
};
