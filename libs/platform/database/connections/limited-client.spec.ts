import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Pool } from 'pg';
import { createTestDatabase } from '#testing/database';
import { MAX_OPENING } from './limited-client';
import { createPool, withClient } from './pools';

/** More callers than may open a connection at the same time. */
const CALLERS = 3 * MAX_OPENING;

describe('the number of connections that a process opens at the same time', () => {
  /** A server that accepts connections and never answers, like a database whose machine is overloaded. */
  let silent: Server;
  const sockets = new Set<Socket>();
  let accepted = 0;
  const pools: Pool[] = [];

  beforeEach(async () => {
    accepted = 0;
    silent = createServer((socket) => {
      accepted += 1;
      sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => sockets.delete(socket));
    }).listen(0, '127.0.0.1');
    await once(silent, 'listening');
  });
  afterEach(async () => {
    for (const socket of sockets) socket.destroy();
    await Promise.all(pools.splice(0).map((pool) => pool.end()));
    await new Promise((resolve) => silent.close(resolve));
  });

  const poolOf = (url: string, connectionTimeoutMs: number): Pool => {
    const pool = createPool({ url, max: CALLERS, applicationName: 'limited', connectionTimeoutMs, onError: () => {} });
    pools.push(pool);
    return pool;
  };
  const silentUrl = (): string => `postgres://nobody@127.0.0.1:${(silent.address() as AddressInfo).port}/nothing`;
  const connectAll = (pool: Pool, callers: number): Promise<unknown>[] =>
    Array.from({ length: callers }, () => withClient(pool, (client) => client.query('select pg_sleep(0.05)')));

  it('is limited over all pools to one server, and each caller gets an error when its timeout has passed', async () => {
    const [one, other] = [poolOf(silentUrl(), 3_000), poolOf(silentUrl(), 3_000)];
    const answers = Promise.allSettled([...connectAll(one, CALLERS), ...connectAll(other, CALLERS)]);
    while (accepted < MAX_OPENING) await sleep(10);
    // Long enough for all callers to connect without the limit, and shorter than their timeout.
    await sleep(300);
    expect(accepted).toBe(MAX_OPENING);
    for (const answer of await answers) {
      expect(answer).toMatchObject({ reason: { message: 'Connection terminated due to connection timeout' } });
    }
  });

  it('does not delay connections to another server', async () => {
    const unanswered = Promise.allSettled(connectAll(poolOf(silentUrl(), 4_000), CALLERS));
    while (accepted < MAX_OPENING) await sleep(10);
    const database = await createTestDatabase();
    const pool = poolOf(database.urls.app, 3_000);
    await Promise.all(connectAll(pool, 1));
    await pool.end();
    pools.splice(pools.indexOf(pool), 1);
    for (const socket of sockets) socket.destroy();
    await unanswered;
    await database.drop();
  });

  it('lets the waiting callers connect one after the other, also after attempts that failed', async () => {
    const database = await createTestDatabase();
    const refused = poolOf(database.urls.app.replace(/:[^:@]+@/, ':wrong@'), 10_000);
    const failures = Promise.allSettled(connectAll(refused, CALLERS));
    const pool = poolOf(database.urls.app, 10_000);
    await Promise.all(connectAll(pool, CALLERS));
    for (const { status } of await failures) expect(status).toBe('rejected');
    await Promise.all(pools.splice(0).map((each) => each.end()));
    await database.drop();
  });
});
