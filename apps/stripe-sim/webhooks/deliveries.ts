import { Agent, request } from 'node:http';
import { Agent as SecureAgent, request as secureRequest } from 'node:https';
import type { Logger } from '#platform/logging/logger.port';
import type { World } from '../life/world';
import type { Event } from '../store/objects';
import { shown } from '../store/store';
import { type Chaos, fateOf, NO_CHAOS } from './chaos';
import { signature } from './sign';

const AT_ONCE = 64;
const TIMEOUT_MS = 10_000;
/** ms of the pauses after failures; the last one continues. */
const PAUSES = [200, 1_000, 3_000, 10_000, 30_000, 60_000] as const;
const REMEMBERED = 500;
/** ms for which events that are shuffled wait for others. */
const GATHERING_MS = 200;

export interface Delivery {
  readonly eventId: string;
  readonly type: string;
  readonly at: number;
  /** Undefined: nobody answered. */
  readonly status: number | undefined;
  readonly attempt: number;
}

interface Sending {
  readonly event: Event;
  attempt: number;
}

/** Tells an endpoint of events, again and again until it says that it took them. */
export const createDeliveries = (world: World, secrets: readonly string[], logger: Logger, seed: number) => {
  const plain = new Agent({ keepAlive: true, maxSockets: AT_ONCE });
  const secure = new SecureAgent({ keepAlive: true, maxSockets: AT_ONCE });
  let url: string | undefined;
  const log: Delivery[] = [];
  const waiting: Sending[] = [];
  const timers = new Set<NodeJS.Timeout>();
  let flushing: NodeJS.Timeout | undefined;
  let [chaos, gathered, sending, stopped] = [NO_CHAOS, [] as Event[], 0, false];

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
        // Of the machine's own time: anyone who checks it knows nothing of the simulated one.
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

  const send = async (one: Sending): Promise<void> => {
    one.attempt += 1;
    const status = await post(JSON.stringify(shown(one.event))).catch(() => undefined);
    const { id: eventId, type } = one.event;
    log.push({ eventId, type, at: Date.now(), status, attempt: one.attempt });
    if (log.length > REMEMBERED) log.splice(0, log.length - REMEMBERED);
    if (status !== undefined && status >= 200 && status < 300) {
      if (one.event._pending) {
        one.event._pending = false;
        world.store.put(one.event);
      }
      return;
    }
    logger.debug({ eventId, status }, 'a webhook was not accepted');
    if (!stopped) later(PAUSES[Math.min(one.attempt - 1, PAUSES.length - 1)] ?? 0, () => enqueue(one));
  };

  const pump = (): void => {
    while (!stopped && sending < AT_ONCE) {
      const one = waiting.shift();
      if (!one) return;
      sending += 1;
      void send(one).finally(() => {
        sending -= 1;
        pump();
      });
    }
  };

  const enqueue = (one: Sending): void => {
    waiting.push(one);
    pump();
  };

  const fate = (event: Event) => fateOf(seed, event._order, chaos);

  /** Through whatever chaos is set. */
  const tell = (event: Event): void => {
    const { dropped, delays } = fate(event);
    if (dropped) {
      event._pending = false;
      world.store.put(event);
      return;
    }
    for (const ms of delays) later(ms, () => enqueue({ event, attempt: 0 }));
  };

  const flush = (): void => {
    clearTimeout(flushing);
    const events = gathered.sort((one, other) => fate(one).rank - fate(other).rank);
    gathered = [];
    events.forEach(tell);
  };

  /** Those of the same numbers are shuffled together, however fast they come. */
  const gather = (event: Event): void => {
    const groupOf = ({ _order }: Event): number => Math.floor(_order / chaos.reorder);
    const [first] = gathered;
    if (first && groupOf(first) !== groupOf(event)) flush();
    gathered.push(event);
    clearTimeout(flushing);
    if (gathered.length >= chaos.reorder) flush();
    else flushing = setTimeout(flush, GATHERING_MS);
  };

  const take = (event: Event): void => {
    // Without an endpoint it waits for one.
    if (url === undefined || stopped) return;
    if (chaos === NO_CHAOS) {
      enqueue({ event, attempt: 0 });
      return;
    }
    if (chaos.reorder <= 1) tell(event);
    else gather(event);
  };

  return {
    take,
    /** From now on, and what was not taken yet. */
    deliverTo: (endpoint: string): void => {
      url = endpoint;
      for (const event of world.store.list('event')) if (event._pending) take(event);
    },
    again: (event: Event): void => enqueue({ event, attempt: 0 }),
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
    /** Whether nothing is on its way. */
    isIdle: (): boolean => sending === 0 && waiting.length === 0 && timers.size === 0 && gathered.length === 0,
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
