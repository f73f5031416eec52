import { Gauge } from 'prom-client';
import type { AggregateStore } from '#event-log/aggregate/aggregate-store';
import { appendFacts } from '#identity/facts/append-facts';
import { createFactStore } from '#identity/facts/fact-store';
import { createPollingLoops, type PollingLoops } from '#platform/loops/polling-loops';
import type { Runtime } from '../bootstrap/runtime';
import { createTenantStates } from '../bootstrap/sagas/tenant-states';

/** ms between two looks at the outbox. */
const LOOK_MS = 500;
/** ms between two counts of the facts that wait. */
const COUNT_MS = 5_000;

/** Starts the loops that append the facts of sign-in and of operators to the event log. Every worker runs them. */
export const startFacts = (
  { projectorPool, log, logger, registry }: Pick<Runtime, 'projectorPool' | 'log' | 'logger' | 'registry'>,
  aggregates: AggregateStore,
): Pick<PollingLoops, 'stop'> => {
  const store = createFactStore(projectorPool);
  const stateOf = createTenantStates(aggregates);
  const isCreated = async (tenantId: string): Promise<boolean> => (await stateOf(tenantId)).status !== 'absent';
  const loops = createPollingLoops(logger);
  loops.every(LOOK_MS, 'appending facts of identity', async (signal) => {
    while (!signal.aborted && (await appendFacts({ store, log, isCreated, logger })) > 0);
  });

  const gauge = (name: string, help: string) => new Gauge({ name, help, registers: [registry] });
  const waiting = gauge(
    'tenantry_waiting_facts',
    'Facts of sign-in and of operators that wait to be appended to the event log',
  );
  const age = gauge('tenantry_waiting_facts_age_seconds', 'Age of the oldest of these facts; 0 if none waits');
  loops.every(COUNT_MS, 'counting facts of identity', async () => {
    const { facts, oldestSeconds } = await store.waiting();
    waiting.set(facts);
    age.set(oldestSeconds);
  });
  return loops;
};
