import type { FastifyInstance } from 'fastify';
import type { Registry } from 'prom-client';
import { mayReadMetrics } from '#platform/metrics';
import { Problem } from '#platform/problems';
import type { Readiness } from '#platform/readiness/readiness';
import { describeFailing } from '../../../bootstrap/readiness/readiness';
import { PROBLEM_TYPE, problemDocument, sendProblem } from '../problems/problem-document';

export interface HealthOptions {
  /** The checks of `/readyz`. Undefined: the process is always ready. */
  readonly readiness: Pick<Readiness, 'failing'> | undefined;
  /** The metrics of `/metrics`. Undefined: there is no such route. */
  readonly registry: Registry | undefined;
  /** The token that `/metrics` requires. Undefined: none. */
  readonly metricsToken: string | undefined;
}

/** Options of a route for machines: no rate limit counts its requests, and they are answered under any load. */
const FOR_MACHINES = { config: { unlimited: true } };

/**
 * Adds `/healthz` (200 while the process runs), `/readyz` (503 with the failing checks if a required service is not
 * available) and `/metrics` (Prometheus).
 */
export const addHealthRoutes = (
  instance: FastifyInstance,
  { readiness, registry, metricsToken }: HealthOptions,
): void => {
  instance.get('/healthz', FOR_MACHINES, (_request, reply) => {
    reply.header('cache-control', 'no-store').send({ status: 'ok' });
  });

  instance.get('/readyz', FOR_MACHINES, async (request, reply) => {
    const failing = (await readiness?.failing()) ?? [];
    reply.header('cache-control', 'no-store');
    if (failing.length === 0) return { status: 'ready' };
    const { detail, missing } = describeFailing(failing);
    const problem = new Problem('dependency-unavailable', { detail });
    reply.code(problem.status).header('content-type', PROBLEM_TYPE).header('retry-after', '1');
    return JSON.stringify({ ...problemDocument(problem, request.id, '/readyz'), missing, failing });
  });

  if (!registry) return;
  instance.get('/metrics', FOR_MACHINES, async (request, reply) => {
    if (!mayReadMetrics(request.headers.authorization, metricsToken)) {
      const detail = 'Send METRICS_TOKEN as Authorization: Bearer …';
      sendProblem(new Problem('unauthenticated', { detail }), request, reply);
      return reply;
    }
    reply.header('content-type', registry.contentType);
    return registry.metrics();
  });
};
