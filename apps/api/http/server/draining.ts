import { Server } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { sleep } from '#platform/loops/backoff';
import type { Connections } from '../limits/connections';

/** ms for which a connection may lie idle before it is closed under a request that is on its way. */
const IDLE_MS = 500;
const LOOK_MS = 10;

/**
 * At the end: takes no new connection, and lets those that are there finish. Every request that has arrived is answered,
 * the last one of a connection with `Connection: close`; connections that are idle are closed after a moment, because Node
 * would close them at once, and a client whose request was on its way could not tell whether it was carried out. What is
 * not done after `graceMs` is cut.
 */
export const drainBeforeClose = (instance: FastifyInstance, connections: Connections, graceMs: number): void => {
  instance.addHook('preClose', async () => {
    const { server } = instance;
    if (!server.listening) return;
    // The method of an HTTP server would close the idle ones too, and no more look for bodies that are overdue.
    Server.prototype.close.call(server);
    const began = performance.now();
    for (let ms = 0; ms < graceMs && connections.size > 0; ms = performance.now() - began) {
      if (ms >= Math.min(IDLE_MS, graceMs)) connections.closeIdle();
      await sleep(LOOK_MS);
    }
    connections.closeAll();
  });
};
