import type { FastifyRequest } from 'fastify';
import type { Registry } from 'prom-client';
import { Counter, Gauge, Histogram } from 'prom-client';
import type { Arrivals } from '../limits/arriving-bodies';
import type { Connections } from '../limits/connections';
import type { InFlight } from '../limits/in-flight';

export interface HttpMetrics {
  /** Records an answer. @param ms from the headers of the request to the end of the answer */
  observe(request: FastifyRequest, status: number, ms: number): void;
}

/** The counters of the HTTP layer that are exported as metrics. */
export interface Counted {
  readonly inFlight: Pick<InFlight, 'size'>;
  readonly arrivals: Pick<Arrivals, 'size' | 'refused'>;
  readonly connections: Pick<Connections, 'size' | 'refused'>;
}

const BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/**
 * Registers the metrics of HTTP. The durations have the labels method, route template (`none` without a route) and
 * status.
 */
export const createHttpMetrics = (registry: Registry, { inFlight, arrivals, connections }: Counted): HttpMetrics => {
  const durations = new Histogram({
    name: 'http_request_duration_seconds',
    help: 'Time from a request to its answer',
    labelNames: ['method', 'route', 'status'],
    buckets: BUCKETS,
    registers: [registry],
  });
  const gauge = (name: string, help: string, value: () => number): void => {
    new Gauge({
      name,
      help,
      registers: [registry],
      collect() {
        this.set(value());
      },
    });
  };
  const counter = (name: string, help: string, value: () => number): void => {
    new Counter({
      name,
      help,
      registers: [registry],
      collect() {
        this.reset();
        this.inc(value());
      },
    });
  };
  gauge('http_requests_in_flight', 'Requests that have arrived and are not answered yet', () => inFlight.size);
  gauge('http_bodies_arriving', 'Requests whose body has not arrived yet', () => arrivals.size);
  gauge('http_connections', 'Open connections', () => connections.size);
  counter('http_refused_bodies_total', 'Requests refused for too many unfinished bodies', () => arrivals.refused);
  counter(
    'http_refused_connections_total',
    'Connections closed because their address had too many',
    () => connections.refused,
  );
  return {
    observe: (request, status, ms) => {
      const route = request.is404 ? 'none' : (request.routeOptions.url ?? 'none');
      durations.observe({ method: request.method, route, status }, ms / 1000);
    },
  };
};
