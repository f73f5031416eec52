import { Server } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { sleep } from '#platform/loops/backoff';
import type { Connections } from '../limits/connections';

/** ms for which idle connections stay open after the stop began, for requests that were sent before it. */
const IDLE_MS = 500;
/** ms between two checks of the connections. */
const CHECK_MS = 10;

/**
 * When the application closes, accepts no new connection and lets the open ones finish. Every request that has arrived
 * is answered, the last one of a connection with `Connection: close`. Idle connections are closed after
 * {@link IDLE_MS}: Node would close them at once, and a client that had just sent a request could not know whether it
 * was processed.
 * @param graceMs time in ms after which the remaining connections are closed, with or without an answer
 */
export const drainBeforeClose = (instance: FastifyInstance, connections: Connections, graceMs: number): void => {
  instance.addHook('preClose', async () => {
    const { server } = instance;
    if (!server.listening) return;
    // `close` of an HTTP server would also close the idle connections and stop the check for overdue bodies.
    Server.prototype.close.call(server);
    const startedAt = performance.now();
    for (let ms = 0; ms < graceMs && connections.size > 0; ms = performance.now() - startedAt) {
      if (ms >= Math.min(IDLE_MS, graceMs)) connections.closeIdle();
      await sleep(CHECK_MS);
    }
    connections.closeAll();
  });
};
