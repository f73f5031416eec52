import underPressure from '@fastify/under-pressure';
import type { FastifyInstance } from 'fastify';
import { Problem } from '#platform/problems';
import { NotReady } from '#platform/readiness/check';
import type { Readiness } from '#platform/readiness/readiness';
import { routeConfigOf } from '../requests/route-config';

const OVERLOADED = 'The process is overloaded: its event loop is delayed, and requests are answered with 503.';

/**
 * Time in ms for which the event loop must be delayed before the process counts as not ready. A single long step, such
 * as loading modules at the start, takes less.
 */
const LASTING_MS = 2_000;

/**
 * Returns a function that is called regularly. Its result is true once `holds` has returned true in each call for
 * {@link LASTING_MS}.
 * @param now returns the time in ms
 */
export const createLasting = (holds: () => boolean, now = () => performance.now()) => {
  let since: number | undefined;
  return (): boolean => {
    if (!holds()) since = undefined;
    else since ??= now();
    return since !== undefined && now() - since >= LASTING_MS;
  };
};

/**
 * Answers new requests 503 while the average delay of the event loop in a second is above `maxEventLoopDelayMs`.
 * Requests that have been accepted before are processed, and probes are always answered. Also adds the readiness check
 * `event loop`.
 */
export const shedLoad = (
  instance: FastifyInstance,
  maxEventLoopDelayMs: number,
  readiness: Pick<Readiness, 'add'> | undefined,
): void => {
  const isDelayLasting = createLasting(() => instance.isUnderPressure());
  readiness?.add({
    name: 'event loop',
    message: OVERLOADED,
    runbook: 'docs/runbooks/readiness.md#event-loop',
    run: async () => {
      if (isDelayLasting()) throw new NotReady(OVERLOADED);
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
