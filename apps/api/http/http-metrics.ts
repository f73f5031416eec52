import type { FastifyRequest } from 'fastify';
import type { Registry } from 'prom-client';
import { Gauge, Histogram } from 'prom-client';
import type { InFlight } from './in-flight';

export interface HttpMetrics {
  observe(request: FastifyRequest, status: number, ms: number): void;
}

const BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** Durations by method, route template and status; a path that is no route has the label `none`. */
export const createHttpMetrics = (registry: Registry, inFlight: InFlight): HttpMetrics => {
  const durations = new Histogram({
    name: 'http_request_duration_seconds',
    help: 'Time from a request to its answer',
    labelNames: ['method', 'route', 'status'],
    buckets: BUCKETS,
    registers: [registry],
  });
  new Gauge({
    name: 'http_requests_in_flight',
    help: 'Requests that are not answered yet',
    registers: [registry],
    collect() {
      this.set(inFlight.size);
    },
  });
  return {
    observe: (request, status, ms) => {
      const route = request.is404 ? 'none' : (request.routeOptions.url ?? 'none');
      durations.observe({ method: request.method, route, status }, ms / 1000);
    },
  };
};
