import { EventEmitter } from 'node:events';
import { Client, type Pool } from 'pg';
import { uuidv7 } from '../../ids/uuid';
import { backoff, sleep } from '../../loops/backoff';
import { KEEP_ALIVE_MS, withClient, within } from './pools';

export interface NotificationsOptions {
  /** Lower-case word: the channel of LISTEN and NOTIFY. */
  readonly channel: string;
  /** Leads to PostgreSQL itself: a pooler in transaction mode passes no notification on. */
  readonly connectionString: string;
  /** Lends the connection that notifies. */
  readonly pool: Pool;
  /** Called before the others where another process notified, or may have while this one did not listen. */
  readonly onRemote?: (message: string) => void;
  /**
   * ms between two notifications while there is always something to notify of; 25 by default. Each notification wakes
   * every process: four processes that notified every 10 ms instead of every 40 ms appended a sixth less.
   */
  readonly intervalMs?: number;
}

/** Argument of `onRemote` when notifications may have been missed. */
export const MISSED = 'missed';

/** ms between two questions whether the listening connection is still there, and ms for its answer. */
const BEAT_MS = 1_000;
const ANSWER_MS = 2_000;

/** Resolves once the connection answers no more: one that only listens would never find out. */
const silenceOf = async (client: Client, ended: AbortSignal): Promise<void> => {
  for (;;) {
    await sleep(BEAT_MS, ended);
    if (ended.aborted) return;
    try {
      await client.query(within(ANSWER_MS, { text: 'select' }));
    } catch {
      return;
    }
  }
};

/**
 * Notifies this process and others that there is work. A hint and nothing more: a lost one costs a poll
 * interval.
 */
export const createNotifications = ({
  channel,
  connectionString,
  pool,
  onRemote,
  intervalMs = 25,
}: NotificationsOptions) => {
  const self = uuidv7();
  const local = new EventEmitter().setMaxListeners(0);
  let announcing = false;
  let announceAgain = false;
  let closed = false;
  let listener: Client | undefined;

  const poke = (): void => {
    local.emit('wake');
  };

  /** On a connection that is watched: one that was lost without an error would delay all later notifications. */
  const send = (message: string): Promise<unknown> =>
    withClient(pool, (client) => client.query('select pg_notify($1, $2)', [channel, message]));

  /** A NOTIFY in each commit halves their rate; so it is sent beside them, one at a time, for all since the last. */
  const announce = async (): Promise<void> => {
    announcing = true;
    do {
      announceAgain = false;
      await send(self).catch(() => {});
      await sleep(intervalMs);
    } while (announceAgain && !closed);
    announcing = false;
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
        onRemote?.(payload ?? '');
        poke();
      });
      try {
        await client.connect();
        if (closed) return void (await client.end());
        listener = client;
        await client.query(`listen ${channel}`);
        attempt = 0;
        onRemote?.(MISSED);
        poke();
        await silenceOf(client, ended.signal);
        // A connection that died without an error cannot answer a request to close either.
        client.end().catch(() => {});
      } catch {
        await client.end().catch(() => {});
      }
      if (!closed) await sleep(backoff(attempt, { firstMs: 50, maxMs: 2_000 }));
    }
  };

  return {
    /** Wakes this process at once and the others soon. */
    notify: (): void => {
      poke();
      if (announcing) announceAgain = true;
      else void announce();
    },
    start: (): void => void listen(),
    /** Sends the others a notification that must not be merged with others; it is sent when the promise resolves. */
    tell: async (message: string): Promise<void> => {
      await send(message);
    },
    /** Returns the function that ends it. */
    onWake: (handler: () => void): (() => void) => {
      local.on('wake', handler);
      return () => local.off('wake', handler);
    },
    close: async (): Promise<void> => {
      closed = true;
      poke();
      await listener?.end().catch(() => {});
    },
  };
};

export type Notifications = ReturnType<typeof createNotifications>;
