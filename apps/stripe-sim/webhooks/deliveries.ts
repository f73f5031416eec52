import { Agent, request } from 'node:http';
import { Agent as SecureAgent, request as secureRequest } from 'node:https';
import type { Logger } from '#platform/logging/logger.port';
import type { World } from '../life/world';
import type { Event } from '../store/objects';
import { publicForm } from '../store/store';
import { type Chaos, faultsOf, NO_CHAOS } from './chaos';
import { signature } from './sign';

/** Maximum number of deliveries at the same time. */
const AT_ONCE = 64;
const TIMEOUT_MS = 10_000;
/** ms of the pauses after the first, second … failure; the last one is repeated. */
const PAUSES = [200, 1_000, 3_000, 10_000, 30_000, 60_000] as const;
/** Number of deliveries in the log. */
const LOGGED = 500;
/** ms for which events wait for others to be shuffled with. */
const SHUFFLE_MS = 200;

export interface Delivery {
  readonly eventId: string;
  readonly type: string;
  /** ms since 1970. */
  readonly at: number;
  /** Undefined: there was no answer. */
  readonly status: number | undefined;
  readonly attempt: number;
}

interface Sendable {
  readonly event: Event;
  attempt: number;
}

/**
 * Sends events to an endpoint, again and again until it accepts them.
 * @param secrets each event is signed with each of them
 * @param seed of the delivery faults
 */
export const createDeliveries = (world: World, secrets: readonly string[], logger: Logger, seed: number) => {
  const plain = new Agent({ keepAlive: true, maxSockets: AT_ONCE });
  const secure = new SecureAgent({ keepAlive: true, maxSockets: AT_ONCE });
  let url: string | undefined;
  const log: Delivery[] = [];
  const waiting: Sendable[] = [];
  const timers = new Set<NodeJS.Timeout>();
  let flushing: NodeJS.Timeout | undefined;
  let [chaos, toShuffle, sending, stopped] = [NO_CHAOS, [] as Event[], 0, false];

  const later = (ms: number, work: () => void): void => {
    const timer = setTimeout(() => {
      timers.delete(timer);
      work();
    }, ms);
    timers.add(timer);
  };

  const post = (body: string): Promise<number> =>
    new Promise((resolve, reject) => {
      if (url === undefined) return reject(new Error('there is no endpoint'));
      const isSecure = url.startsWith('https:');
      const headers = {
        'content-type': 'application/json; charset=utf-8',
        'content-length': Buffer.byteLength(body),
        // Signed with the machine's own time, because the receiver checks it against its own clock and not the
        // simulated one.
        'stripe-signature': signature(body, secrets, Math.floor(Date.now() / 1_000)),
      };
      const options = { method: 'POST', agent: isSecure ? secure : plain, headers, timeout: TIMEOUT_MS };
      const sent = (isSecure ? secureRequest : request)(url, options, (answer) => {
        answer.resume();
        answer.once('end', () => resolve(answer.statusCode ?? 0));
        answer.once('error', reject);
      });
      sent.once('timeout', () => sent.destroy(new Error('no answer in time')));
      sent.once('error', reject);
      sent.end(body);
    });

  const send = async (delivery: Sendable): Promise<void> => {
    delivery.attempt += 1;
    const status = await post(JSON.stringify(publicForm(delivery.event))).catch(() => undefined);
    const { id: eventId, type } = delivery.event;
    log.push({ eventId, type, at: Date.now(), status, attempt: delivery.attempt });
    if (log.length > LOGGED) log.splice(0, log.length - LOGGED);
    if (status !== undefined && status >= 200 && status < 300) {
      if (delivery.event._pending) {
        delivery.event._pending = false;
        world.store.put(delivery.event);
      }
      return;
    }
    logger.debug({ eventId, status }, 'a webhook was not accepted');
    if (!stopped) later(PAUSES[Math.min(delivery.attempt - 1, PAUSES.length - 1)] ?? 0, () => enqueue(delivery));
  };

  const sendWaiting = (): void => {
    while (!stopped && sending < AT_ONCE) {
      const delivery = waiting.shift();
      if (!delivery) return;
      sending += 1;
      void send(delivery).finally(() => {
        sending -= 1;
        sendWaiting();
      });
    }
  };

  const enqueue = (delivery: Sendable): void => {
    waiting.push(delivery);
    sendWaiting();
  };

  const faults = (event: Event) => faultsOf(seed, event._order, chaos);

  /** Sends an event with its delivery faults. */
  const sendWithFaults = (event: Event): void => {
    const { dropped, delays } = faults(event);
    if (dropped) {
      event._pending = false;
      world.store.put(event);
      return;
    }
    for (const ms of delays) later(ms, () => enqueue({ event, attempt: 0 }));
  };

  const flush = (): void => {
    clearTimeout(flushing);
    const events = toShuffle.sort((one, other) => faults(one).rank - faults(other).rank);
    toShuffle = [];
    events.forEach(sendWithFaults);
  };

  /** Collects events to shuffle. The groups depend only on the numbers of the events, and not on timing. */
  const collect = (event: Event): void => {
    const groupOf = ({ _order }: Event): number => Math.floor(_order / chaos.reorder);
    const [first] = toShuffle;
    if (first && groupOf(first) !== groupOf(event)) flush();
    toShuffle.push(event);
    clearTimeout(flushing);
    if (toShuffle.length >= chaos.reorder) flush();
    else flushing = setTimeout(flush, SHUFFLE_MS);
  };

  const deliver = (event: Event): void => {
    // Without an endpoint the event waits for `deliverTo`.
    if (url === undefined || stopped) return;
    if (chaos === NO_CHAOS) {
      enqueue({ event, attempt: 0 });
      return;
    }
    if (chaos.reorder <= 1) sendWithFaults(event);
    else collect(event);
  };

  return {
    /** Sends an event to the endpoint, with the faults that are set. */
    deliver,
    /** Sets the endpoint for all later events, and for those that were not delivered yet. */
    deliverTo: (endpoint: string): void => {
      url = endpoint;
      for (const event of world.store.list('event')) if (event._pending) deliver(event);
    },
    /** Sends an event again, without faults. */
    deliverAgain: (event: Event): void => enqueue({ event, attempt: 0 }),
    setChaos: (next: Partial<Chaos>): void => {
      flush();
      chaos = Object.values(next).some((it) => it > 0) ? { ...NO_CHAOS, ...next } : NO_CHAOS;
    },
    get chaos(): Chaos {
      return chaos;
    },
    get log(): readonly Delivery[] {
      return log;
    },
    /** Whether nothing is being sent or waits to be sent. */
    isIdle: (): boolean => sending === 0 && waiting.length === 0 && timers.size === 0 && toShuffle.length === 0,
    stop: (): void => {
      stopped = true;
      clearTimeout(flushing);
      for (const timer of timers) clearTimeout(timer);
      timers.clear();
      plain.destroy();
      secure.destroy();
    },
  };
};

export type Deliveries = ReturnType<typeof createDeliveries>;
