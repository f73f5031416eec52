import type { FastifyInstance } from 'fastify';
import type { Registry } from 'prom-client';
import { Problem } from '../../../libs/platform/problems';
import { type Check, createReadiness } from '../../readiness';
import { PROBLEM_TYPE, problemDocument } from './problem-document';

export interface HealthOptions {
  /** What this process needs, by the name that `/readyz` shows. */
  readonly checks: Readonly<Record<string, Check>>;
  readonly registry: Registry | undefined;
}

/** Routes for machines: not counted by any rate limit, and answered under any load. */
const MACHINES = { config: { unlimited: true } };

/** `/healthz` (the process), `/readyz` (what it needs), `/metrics` (Prometheus). */
export const addHealthRoutes = (instance: FastifyInstance, { checks, registry }: HealthOptions): void => {
  const readiness = createReadiness(checks);

  instance.get('/healthz', MACHINES, (_request, reply) => {
    reply.header('cache-control', 'no-store').send({ status: 'ok' });
  });

  instance.get('/readyz', MACHINES, async (request, reply) => {
    const missing = await readiness();
    reply.header('cache-control', 'no-store');
    if (missing.length === 0) return { status: 'ready' };
    const detail = `Not ready: ${missing.join(', ')}.`;
    const problem = new Problem('dependency-unavailable', { detail });
    reply.code(problem.status).header('content-type', PROBLEM_TYPE).header('retry-after', '1');
    return JSON.stringify({ ...problemDocument(problem, request.id, '/readyz'), missing });
  });

  if (!registry) return;
  instance.get('/metrics', MACHINES, async (_request, reply) => {
    reply.header('content-type', registry.contentType);
    return registry.metrics();
  });
};
