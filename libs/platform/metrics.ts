import { collectDefaultMetrics, Registry } from 'prom-client';

/**
 * The metrics of one process, with those of Node itself. Parts register theirs with it (`registers: [registry]`), never
 * with prom-client's global one: two applications in one test process would meet there.
 */
export const createMetricsRegistry = (): Registry => {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  return registry;
};
