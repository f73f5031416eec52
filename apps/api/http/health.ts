import type { FastifyInstance } from 'fastify';
import type { Pool } from 'pg';
import type { Registry } from 'prom-client';
import type { EventLog } from '../../../libs/event-log/port';
import { withClient } from '../../../libs/platform/database/pools';
import { Problem } from '../../../libs/platform/problems';
import { PROBLEM_TYPE, problemDocument } from './problem-document';

/** Resolves where the dependency is well. */
export type Check = () => Promise<unknown>;

export interface HealthOptions {
  /** What this process needs, by the name that `/readyz` shows. */
  readonly checks: Readonly<Record<string, Check>>;
  readonly registry: Registry | undefined;
}

/** ms that a dependency may take to answer. */
const PATIENCE_MS = 1_000;
/** ms that a result is good for: many probes make one round of checks. */
const FRESH_MS = 250;
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

/** Names what does not answer well. Never why: this is open to everybody. */
const createReadiness = (checks: Readonly<Record<string, Check>>): (() => Promise<string[]>) => {
  let last: { readonly at: number; readonly missing: Promise<string[]> } | undefined;
  const look = async (): Promise<string[]> => {
    const results = await Promise.all(
      Object.entries(checks).map(async ([name, check]) => ((await isWell(check)) ? [] : [name])),
    );
    return results.flat();
  };
  return () => {
    const now = performance.now();
    if (last === undefined || now - last.at > FRESH_MS) last = { at: now, missing: look() };
    return last.missing;
  };
};

const isWell = async (check: Check): Promise<boolean> => {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), PATIENCE_MS);
  });
  try {
    return await Promise.race([
      Promise.resolve()
        .then(check)
        .then(() => true),
      late,
    ]);
  } catch {
    return false;
  } finally {
    clearTimeout(timer);
  }
};

export interface Dependencies {
  readonly log: Pick<EventLog, 'ping'>;
  /** The application's role. */
  readonly pool: Pool;
  /** The read models that clients can query. */
  readonly projections: readonly string[];
}

/** The checks of a process that serves the API. */
export const dependencyChecks = ({ log, pool, projections }: Dependencies): Record<string, Check> => ({
  'event log': () => log.ping(),
  database: () => withClient(pool, (client) => client.query('select')),
  'read models': async () => {
    const { rows } = await withClient(pool, (client) =>
      client.query<{ present: number }>(
        'select count(*)::integer as present from projecting.checkpoints where projection = any($1)',
        [projections],
      ),
    );
    if (rows[0]?.present !== projections.length) throw new Error('a projection is not installed yet');
  },
});
