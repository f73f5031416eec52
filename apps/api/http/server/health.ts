import type { FastifyInstance } from 'fastify';
import type { Registry } from 'prom-client';
import { Problem } from '#platform/problems';
import type { Readiness } from '#platform/readiness/readiness';
import { describeFailing } from '../../../bootstrap/readiness/readiness';
import { PROBLEM_TYPE, problemDocument } from '../problems/problem-document';

export interface HealthOptions {
  /** What `/readyz` answers for; left out, the process is always ready. */
  readonly readiness: Pick<Readiness, 'failing'> | undefined;
  readonly registry: Registry | undefined;
}

/** Routes for machines: not counted by any rate limit, and answered under any load. */
const MACHINES = { config: { unlimited: true } };

/** `/healthz` (the process), `/readyz` (what it needs), `/metrics` (Prometheus). */
export const addHealthRoutes = (instance: FastifyInstance, { readiness, registry }: HealthOptions): void => {
  instance.get('/healthz', MACHINES, (_request, reply) => {
    reply.header('cache-control', 'no-store').send({ status: 'ok' });
  });

  instance.get('/readyz', MACHINES, async (request, reply) => {
    const failing = (await readiness?.failing()) ?? [];
    reply.header('cache-control', 'no-store');
    if (failing.length === 0) return { status: 'ready' };
    const { detail, missing } = describeFailing(failing);
    const problem = new Problem('dependency-unavailable', { detail });
    reply.code(problem.status).header('content-type', PROBLEM_TYPE).header('retry-after', '1');
    return JSON.stringify({ ...problemDocument(problem, request.id, '/readyz'), missing, failing });
  });

  if (!registry) return;
  instance.get('/metrics', MACHINES, async (_request, reply) => {
    reply.header('content-type', registry.contentType);
    return registry.metrics();
  });
};
