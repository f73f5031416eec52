import { Server } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { sleep } from '../../../libs/platform/backoff';

/** ms for which a connection may lie idle before it is closed under a request that is on its way. */
const DRAIN_MS = 500;
const LOOK_MS = 10;

/**
 * At the end: takes no new connection, and lets those that are there say what they are about to say. Every answer from
 * then on closes its connection; what has said nothing by then is closed. Node closes idle connections at once, and a
 * client whose request was on its way could not tell whether it was carried out.
 */
export const drainBeforeClose = (instance: FastifyInstance): void => {
  instance.addHook('preClose', async () => {
    const { server } = instance;
    if (!server.listening) return;
    // Node's own of an HTTP server would close the idle ones too.
    Server.prototype.close.call(server);
    for (const end = Date.now() + DRAIN_MS; Date.now() < end; await sleep(LOOK_MS)) {
      if ((await connectionsOf(server)) === 0) return;
    }
  });
};

const connectionsOf = (server: Server): Promise<number> =>
  new Promise((resolve) => server.getConnections((error, count) => resolve(error ? 0 : count)));
