import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import fastify from 'fastify';
import type { Logger } from '#platform/logging/logger.port';
import { serveApi } from './api/serve';
import { type Control, createControl, serveControl } from './control';
import { createFaults } from './faults';
import { advanceTo } from './life/time';
import { createWorld } from './life/world';
import { servePages } from './pages/serve';
import type { Price } from './store/objects';
import { openStore } from './store/store';
import { createDeliveries } from './webhooks/deliveries';

export interface StripeSimOptions {
  /** 127.0.0.1 by default. */
  readonly host?: string;
  /** 0: any free port. */
  readonly port?: number;
  /** The directory of the journal; undefined: the state is held in memory only. */
  readonly dataDir?: string | undefined;
  /** The secret key that callers must present. */
  readonly secretKey: string;
  /** Each event is signed with each of them. There are two while a secret is being replaced. */
  readonly webhookSecrets: readonly string[];
  readonly prices: readonly {
    readonly id: string;
    readonly product: { readonly id: string; readonly name: string };
    /** Minor units. */
    readonly amount: number;
    readonly currency: string;
    readonly interval: 'month' | 'year';
  }[];
  readonly logger: Logger;
  /** Of the delivery faults; 1 by default. */
  readonly seed?: number;
}

export interface StripeSim {
  readonly url: string;
  readonly control: Control;
  /** Sends all later events to this URL, and those that were not delivered yet. */
  deliverTo(webhookUrl: string): void;
  stop(): Promise<void>;
}

/** ms between two checks for actions that are due: an action may be late by this time. */
const TICK_MS = 500;

const listening = async (host: string, port: number): Promise<Server> => {
  const server = createServer().listen(port, host);
  await once(server, 'listening');
  return server;
};

/**
 * Starts a simulated Stripe in test mode on this machine. No money moves.
 * @throws Error NODE_ENV is production, where tenants would get plans without a payment
 * @throws Error with the code EADDRINUSE: the port is in use
 */
export const startStripeSim = async (options: StripeSimOptions): Promise<StripeSim> => {
  if (process.env['NODE_ENV'] === 'production') throw new Error('the Stripe simulator does not run in production');
  const { host = '127.0.0.1', port = 0, logger, prices, secretKey, seed = 1 } = options;
  // Only the process that has the port may use the journal, so the port comes first.
  const server = await listening(host, port);
  const store = openStore(options.dataDir);
  let url = '';
  const world = createWorld(store, () => url, Date.now);
  for (const { id, product, amount, currency, interval } of prices) {
    const common = { created: world.now(), livemode: false, active: true } as const;
    store.put({ ...common, id: product.id, object: 'product', name: product.name });
    store.put<Price>({
      ...{ ...common, id, object: 'price', currency: currency.toLowerCase(), product: product.id, type: 'recurring' },
      ...{ unit_amount: amount, recurring: { interval, interval_count: 1 } },
    });
  }
  const faults = createFaults();
  const deliveries = createDeliveries(world, options.webhookSecrets, logger, seed);
  const control = createControl(world, deliveries, faults);
  const instance = fastify({
    logger: false,
    bodyLimit: 256 * 1_024,
    serverFactory: (handler) => server.on('request', handler),
  });
  instance.removeAllContentTypeParsers();
  instance.addContentTypeParser('*', { parseAs: 'string' }, (_, body, done) => done(null, body));
  serveApi(instance, world, { secretKey, faults });
  servePages(instance, world);
  serveControl(instance, { world, deliveries, faults, control });
  await instance.ready();
  url = `http://${host}:${(server.address() as AddressInfo).port}`;
  store.commit();
  world.onEvent = deliveries.deliver;
  const clock = setInterval(() => {
    advanceTo(world, world.now());
    store.commit();
  }, TICK_MS);
  clock.unref();
  return {
    url,
    control,
    deliverTo: (endpoint) => deliveries.deliverTo(endpoint),
    stop: async () => {
      clearInterval(clock);
      deliveries.stop();
      server.close();
      server.closeAllConnections();
      await instance.close();
      store.commit();
    },
  };
};
