import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { ADVISORY_LOCKS } from '#platform/database/locks/advisory-locks';
import { type Load, startLoad, tallyOf } from '../chaos/client';
import { databaseTarget, startProxy, type TcpProxy } from '../support/tcp-proxy';
import { type Account, type Answer, PASSWORD, rename, send, signUp } from './http';
import { endAll, type Product } from './start/product';
import { openSystem, type System } from './system';

jest.setTimeout(600_000);

/** Longest time for an answer: REQUEST_TIMEOUT_MS, and 2 s for a busy machine. */
const MAX_ANSWER_MS = 10_000 + 2_000;
/** For a busy machine: docs/reliability.md promises 10 s on one that has time. */
const MAX_RECOVERY_MS = 60_000;

/** One process of the product under constant load, while its database fails in many ways. */
describe('the product, while its database is not available', () => {
  let system: System;
  let proxy: TcpProxy;
  let product: Product;
  let url: string;
  let account: Account;
  let load: Load;

  beforeAll(async () => {
    system = await openSystem();
    proxy = await startProxy(databaseTarget(system.databaseUrl));
    product = system.start({ DATABASE_URL: proxy.through(system.databaseUrl) });
    url = await product.ready();
    account = await signUp(url);
    load = startLoad({ clients: 12, atOnce: 4, url });
    await waitForRecovery();
  });

  afterAll(async () => {
    await load.stop();
    await endAll();
    await proxy.close();
    await system.close();
  });

  afterEach(() => proxy.heal());

  /**
   * Sends requests to routes with and without use of the database. Routes without answer as usual. The others answer
   * 503 within {@link MAX_ANSWER_MS}; if the outage is `partial`, they may also succeed.
   */
  const checkAnswers = async (outage: 'total' | 'partial'): Promise<void> => {
    const { token, email } = account;
    const withDatabase = {
      read: send(url, '/v1/tenant', { token }),
      me: send(url, '/v1/me', { token }),
      write: rename(url, token, 'Outage'),
      'write with a key': rename(url, token, 'Outage', { 'idempotency-key': randomUUID() }),
      'sign-in': send(url, '/v1/sessions', { method: 'POST', body: { email, password: PASSWORD } }),
      'sign-up': send(url, '/v1/signup', {
        method: 'POST',
        body: { companyName: 'Late', personName: 'Late', email: `${randomUUID()}@example.com`, password: PASSWORD },
      }),
    };
    const withoutDatabase = {
      401: send(url, '/v1/tenant'),
      404: send(url, '/v1/nowhere'),
      400: send(url, '/v1/signup', { method: 'POST', body: { companyName: 1 } }),
      200: send(url, '/healthz'),
    };
    // The result of a readiness check is reused for a moment.
    await sleep(300);
    const ready = await send(url, '/readyz');
    if (outage === 'total') {
      expect(ready.body).toMatchObject({ type: '/problems/dependency-unavailable', status: 503 });
      expect(ready.body.missing).toContain('database');
      expect(ready.body.missing).toContain('event log');
    }
    for (const [status, request] of Object.entries(withoutDatabase))
      expect((await request).status).toBe(Number(status));
    for (const [name, request] of Object.entries(withDatabase)) {
      const answer = await request;
      if (outage === 'total' || answer.status >= 300) expect([name, summaryOf(answer)]).toEqual([name, UNAVAILABLE]);
      expect(answer.ms).toBeLessThan(MAX_ANSWER_MS);
    }
  };

  /** Waits until two rounds of concurrent writes and reads succeed in sequence, and the product is ready. */
  const waitForRecovery = async (): Promise<void> => {
    const end = performance.now() + MAX_RECOVERY_MS;
    for (let successes = 0; successes < 2; ) {
      const round = await Promise.all(Array.from({ length: 4 }, () => roundTrip()));
      successes = round.every((it) => it === 'ok') ? successes + 1 : 0;
      if (performance.now() > end)
        throw new Error(`not recovered after ${MAX_RECOVERY_MS} ms: ${round}\n${product.output().slice(-3_000)}`);
      if (successes === 0) await sleep(50);
    }
    while ((await send(url, '/readyz')).status !== 200) {
      if (performance.now() > end) throw new Error(`not ready after ${MAX_RECOVERY_MS} ms`);
      await sleep(50);
    }
  };

  /** Renames the tenant and reads it at the position of the write. Resolves to `ok`, or to the request that failed. */
  const roundTrip = async (): Promise<string> => {
    const written = await rename(url, account.token, `Back ${randomUUID()}`, { 'idempotency-key': randomUUID() });
    if (written.status !== 200) return `write ${written.status}`;
    const headers = { 'if-position': written.headers.get('position') ?? '' };
    const read = await send(url, '/v1/tenant', { token: account.token, headers });
    return read.status === 200 ? 'ok' : `read ${read.status}`;
  };

  it.each([
    ['refuses connections', () => proxy.refuse()],
    ['accepts connections and never answers', async () => proxy.blackHole()],
  ])('answers 503 in time while the database %s, and recovers soon after', async (_, startOutage) => {
    await startOutage();
    await checkAnswers('total');
    await proxy.heal();
    await waitForRecovery();
  });

  it.each([
    ['is slow', async () => proxy.delay(120)],
    ['stalls', async () => proxy.stall()],
    ['is read-only, like a replica', () => setReadOnly(true)],
    ['allows no connections', () => allowConnections(false)],
  ])('answers in time while the database %s, and recovers soon after', async (_, startOutage) => {
    await startOutage();
    const answers = checkAnswers('partial');
    await sleep(2_000);
    await Promise.all([proxy.heal(), setReadOnly(false), allowConnections(true)]);
    await waitForRecovery();
    await answers;
  });

  it('does not use one dead connection after the other once the database is back', async () => {
    const { api } = load;
    await Promise.all(Array.from({ length: 12 }, roundTrip));
    api.url = undefined;
    await sleep(500);
    proxy.blackHole();
    await proxy.heal();
    await waitForRecovery();
    api.url = url;
  });

  it.each([
    ['reset', () => proxy.reset()],
    ['closed in the direction of requests', () => proxy.halfClose('request')],
    ['closed in the direction of answers', () => proxy.halfClose('answer')],
    ['ended by an administrator', async () => void (await system.terminateBackends())],
  ])('answers in time while all connections are repeatedly %s, and recovers soon after', async (_, cut) => {
    for (let i = 0; i < 5; i++) {
      const answers = checkAnswers('partial');
      await sleep(40 * (i % 4));
      await cut();
      await answers;
    }
    await waitForRecovery();
  });

  it.each([
    ['the connection is cut at the statement of an append', { direction: 'request', at: 'append' }],
    [
      'the connection is cut between the statement of an append and its answer',
      { direction: 'request', at: 'append', after: true },
    ],
    ['the connection is cut at a statement of an idempotency key', { direction: 'request', at: 'idempotency-' }],
    ['the connection is cut after a checkpoint', { direction: 'request', at: 'for update skip locked', after: true }],
  ] as const)('keeps acknowledged writes if %s', async (_, cut) => {
    const before = proxy.cuts;
    for (let i = 0; i < 6; i++) {
      // The text of a prepared statement is sent once per connection. A reset makes the product send it again.
      if (i % 3 === 2) proxy.reset();
      proxy.cut(cut);
      await roundTrip();
    }
    expect(proxy.cuts).toBeGreaterThan(before);
    await proxy.heal();
    await waitForRecovery();
  });

  it.each([
    ['the lock of the log', 6_000, `select pg_advisory_xact_lock(${ADVISORY_LOCKS.appending})`],
    ['a read model', 13_000, 'lock table read_model.tenants in access exclusive mode'],
    ['a read model', 2_500, 'lock table read_model.tenants in access exclusive mode'],
    ['the idempotency keys', 2_500, 'lock table idempotency.keys in access exclusive mode'],
  ])('answers in time while another session holds %s for %s ms', async (_, ms, lock) => {
    const session = new Client({ connectionString: system.databaseUrl });
    await session.connect();
    await session.query(`begin; ${lock}`);
    const answers = checkAnswers('partial');
    await sleep(ms);
    await session.query('rollback');
    await session.end();
    await waitForRecovery();
    await answers;
  });

  it.each(['event_log.events', 'read_model.tenants', 'idempotency.keys'])(
    'answers in time while the disk is full for %s',
    async (table) => {
      await system.owner.query(fullDiskTrigger(table));
      await checkAnswers('partial');
      await system.owner.query(`drop trigger full_disk on ${table}`);
      await waitForRecovery();
    },
  );

  it('has lost and repeated no acknowledged write during all outages, and never answered 500', async () => {
    await load.stop();
    const complaints = await system.complaints(load.api.tenants);
    const { signUps, commands, acknowledged } = tallyOf(load.api);
    process.stderr.write(
      `outages: ${signUps} sign-ups, ${commands} commands, ${acknowledged} acknowledged, ${complaints.length} complaints\n`,
    );
    expect(complaints).toEqual([]);
    expect(acknowledged).toBeGreaterThan(100);
    expect([...load.api.answers.keys()].filter((status) => status === 500)).toEqual([]);
    expect(await product.end('SIGTERM')).toBe(0);
  });

  const setReadOnly = async (on: boolean): Promise<void> => {
    await system.server.query(`alter database ${system.database} set default_transaction_read_only = ${on}`);
    if (on) await system.terminateBackends();
  };

  const allowConnections = async (allowed: boolean): Promise<void> => {
    await system.server.query(`alter database ${system.database} allow_connections ${allowed}`);
    if (!allowed) await system.terminateBackends();
  };
});

/** The summary of a 503: a problem document, with the time to wait before a repeat. */
const UNAVAILABLE = { status: 503, type: '/problems/dependency-unavailable', retryAfter: true, problem: true };

const summaryOf = ({ status, headers, body }: Answer) => ({
  status,
  type: body.type,
  retryAfter: Number(headers.get('retry-after')) >= 1,
  problem: /^application\/problem\+json/.test(headers.get('content-type') ?? ''),
});

/** SQL that makes all writes to a table fail like a full disk. */
const fullDiskTrigger = (table: string): string => `
  create or replace function public.full_disk() returns trigger language plpgsql as
    $$ begin raise exception 'could not extend file: No space left on device' using errcode = '53100'; end $$;
  create trigger full_disk before insert or update on ${table} for each row execute function public.full_disk()`;
