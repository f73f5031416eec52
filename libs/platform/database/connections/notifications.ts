import { EventEmitter } from 'node:events';
import { Client, type Pool } from 'pg';
import { uuidv7 } from '../../ids/uuid';
import { backoff, sleep } from '../../loops/backoff';
import { KEEP_ALIVE_MS, withClient, withQueryTimeout } from './pools';

export interface NotificationsOptions {
  /** The channel of LISTEN and NOTIFY: a lower-case word. */
  readonly channel: string;
  /** The URL of PostgreSQL itself: a pooler in transaction mode does not pass on notifications. */
  readonly connectionString: string;
  /** The pool from which the connection for sending notifications is borrowed. */
  readonly pool: Pool;
  /** Called with the message of another process, or with {@link MISSED}, before the handlers of `onNotification`. */
  readonly onMessage?: (message: string) => void;
  /**
   * ms between two notifications under constant load; 25 by default. Each notification wakes every process: four
   * processes that notified every 10 ms instead of every 40 ms appended one sixth fewer events.
   */
  readonly intervalMs?: number;
}

/** The argument of `onMessage` after each (re)connection: notifications sent before it may have been missed. */
export const MISSED = 'missed';

/** ms between two checks that the listening connection still answers, and ms for its answer. */
const CHECK_INTERVAL_MS = 1_000;
const ANSWER_MS = 2_000;

/**
 * Resolves once the connection has ended or no longer answers. A connection that only listens sends nothing, so it
 * would never notice a loss.
 */
const untilDead = async (client: Client, ended: AbortSignal): Promise<void> => {
  for (;;) {
    await sleep(CHECK_INTERVAL_MS, ended);
    if (ended.aborted) return;
    try {
      await client.query(withQueryTimeout(ANSWER_MS, { text: 'select' }));
    } catch {
      return;
    }
  }
};

/**
 * Notifies this process and others that there is work. A notification is only a hint: if one is lost, the work is found
 * at the next poll.
 */
export const createNotifications = ({
  channel,
  connectionString,
  pool,
  onMessage,
  intervalMs = 25,
}: NotificationsOptions) => {
  const self = uuidv7();
  const local = new EventEmitter().setMaxListeners(0);
  let isAnnouncing = false;
  let announceAgain = false;
  let closed = false;
  let listener: Client | undefined;

  const wake = (): void => {
    local.emit('wake');
  };

  /** On a watched connection: otherwise one that was lost without an error would delay all later notifications. */
  const send = (message: string): Promise<unknown> =>
    withClient(pool, (client) => client.query('select pg_notify($1, $2)', [channel, message]));

  /**
   * A NOTIFY inside of each commit halves the rate of commits. So notifications are sent outside of them, one at a
   * time, each for all commits since the last one.
   */
  const announce = async (): Promise<void> => {
    isAnnouncing = true;
    do {
      announceAgain = false;
      await send(self).catch(() => {});
      await sleep(intervalMs);
    } while (announceAgain && !closed);
    isAnnouncing = false;
  };

  const listen = async (): Promise<void> => {
    for (let attempt = 1; !closed; attempt++) {
      const client = new Client({
        connectionString,
        application_name: 'tenantry-wake',
        keepAlive: true,
        keepAliveInitialDelayMillis: KEEP_ALIVE_MS,
        connectionTimeoutMillis: 2_000,
      });
      const ended = new AbortController();
      client.on('error', () => ended.abort());
      client.on('end', () => ended.abort());
      client.on('notification', ({ payload }) => {
        if (payload === self) return;
        onMessage?.(payload ?? '');
        wake();
      });
      try {
        await client.connect();
        if (closed) return void (await client.end());
        listener = client;
        await client.query(`listen ${channel}`);
        attempt = 0;
        onMessage?.(MISSED);
        wake();
        await untilDead(client, ended.signal);
        // Not awaited: a connection that died without an error does not answer a request to close either.
        client.end().catch(() => {});
      } catch {
        await client.end().catch(() => {});
      }
      if (!closed) await sleep(backoff(attempt, { firstMs: 50, maxMs: 2_000 }));
    }
  };

  return {
    /** Wakes this process at once, and the others within about `intervalMs`. Never throws. */
    notify: (): void => {
      wake();
      if (isAnnouncing) announceAgain = true;
      else void announce();
    },
    /** Begins to listen, and reconnects after each loss until `close`. */
    start: (): void => void listen(),
    /**
     * Sends the other processes a message that is not merged with other notifications.
     * @throws the error of the database if it could not be sent
     */
    broadcast: async (message: string): Promise<void> => {
      await send(message);
    },
    /** Calls `handler` after each notification of this process or another. @returns the function that ends this */
    onNotification: (handler: () => void): (() => void) => {
      local.on('wake', handler);
      return () => local.off('wake', handler);
    },
    close: async (): Promise<void> => {
      closed = true;
      wake();
      await listener?.end().catch(() => {});
    },
  };
};

export type Notifications = ReturnType<typeof createNotifications>;
