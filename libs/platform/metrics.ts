import { createHash, timingSafeEqual } from 'node:crypto';
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

/** The settings that decide whether a process serves its metrics. */
export interface MetricsSettings {
  readonly metrics: boolean;
  readonly metricsToken?: string | undefined;
  readonly nodeEnv?: string | undefined;
}

/**
 * Whether a process serves `/metrics`. In production it needs a token, because the metrics show the load and the names of
 * internal parts.
 */
export const servesMetrics = ({ metrics, metricsToken, nodeEnv }: MetricsSettings): boolean =>
  metrics && (metricsToken !== undefined || nodeEnv !== 'production');

const digestOf = (text: string): Buffer => createHash('sha256').update(text).digest();

/**
 * Whether a request may read the metrics. The comparison takes the same time for every wrong token.
 * @param authorization the header of the request
 * @param token METRICS_TOKEN; undefined: every request may
 */
export const mayReadMetrics = (authorization: string | undefined, token: string | undefined): boolean =>
  token === undefined || timingSafeEqual(digestOf(authorization ?? ''), digestOf(`Bearer ${token}`));
