import underPressure from '@fastify/under-pressure';
import type { FastifyInstance } from 'fastify';
import { Problem } from '#platform/problems';
import { NotReady } from '#platform/readiness/check';
import type { Readiness } from '#platform/readiness/readiness';
import { routeConfigOf } from '../requests/route-config';

const OVERLOADED = 'The process is overloaded: its event loop is delayed, and requests are answered with 503.';

/**
 * ms for which the event loop must have been late before the process counts as not ready. A single long step, such as
 * loading modules at the start, is over by then.
 */
const LASTING_MS = 2_000;

/** Whether something has held at each look for {@link LASTING_MS}. */
export const createLasting = (holds: () => boolean, now = () => performance.now()) => {
  let since: number | undefined;
  return (): boolean => {
    if (!holds()) since = undefined;
    else since ??= now();
    return since !== undefined && now() - since >= LASTING_MS;
  };
};

/**
 * Refuses requests while the event loop is late by more than `maxEventLoopDelayMs` on average over a second: anyone who is
 * in the queue already is served, and a probe always gets its answer.
 */
export const shedLoad = (
  instance: FastifyInstance,
  maxEventLoopDelayMs: number,
  readiness: Pick<Readiness, 'add'> | undefined,
): void => {
  const isLastingLate = createLasting(() => instance.isUnderPressure());
  readiness?.add({
    name: 'event loop',
    message: OVERLOADED,
    runbook: 'docs/runbooks/readiness.md#event-loop',
    run: async () => {
      if (isLastingLate()) throw new NotReady(OVERLOADED);
    },
  });
  instance.register(underPressure, {
    maxEventLoopDelay: maxEventLoopDelayMs,
    pressureHandler: (request) => {
      if (routeConfigOf(request).unlimited === true) return undefined;
      const detail = 'The server is overloaded. Try again after the seconds in Retry-After.';
      return Promise.reject(new Problem('dependency-unavailable', { detail, retryAfter: 2 }));
    },
  });
};
