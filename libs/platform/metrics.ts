import { collectDefaultMetrics, Registry } from 'prom-client';

/**
 * A registry for the metrics of one process, with those of Node itself. All other metrics are registered with it
 * (`registers: [registry]`) and never with the global registry of prom-client: two applications in one test process
 * would register the same names there.
 */
export const createMetricsRegistry = (): Registry => {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  return registry;
};
