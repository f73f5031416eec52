import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { ADVISORY_LOCKS } from '#platform/database/locks/advisory-locks';
import { type Load, startLoad, tallyOf } from '../chaos/client';
import { databaseTarget, startProxy, type TcpProxy } from '../support/tcp-proxy';
import { type Account, type Asked, ask, PASSWORD, rename, signUp } from './http';
import { endAll, type Product } from './start/product';
import { openSystem, type System } from './system';

jest.setTimeout(120_000);

/** REQUEST_TIMEOUT_MS, and something for a machine that is busy with other things. */
const BOUND_MS = 10_000 + 2_000;
/** The contract's. */
const RECOVERY_MS = 10_000;

/** One product, clients that never stop asking, and a database that goes away in every way it can. */
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
    await recovered();
  });

  afterAll(async () => {
    await load.stop();
    await endAll();
    await proxy.close();
    await system.close();
  });

  afterEach(() => proxy.heal());

  /** What needs the database is not available for now; what does not is answered as ever. */
  const askEverything = async (away: 'away' | 'perhaps'): Promise<void> => {
    const { token, email } = account;
    const needing = {
      read: ask(url, '/v1/tenant', { token }),
      me: ask(url, '/v1/me', { token }),
      write: rename(url, token, 'Away'),
      'write with a key': rename(url, token, 'Away', { 'idempotency-key': randomUUID() }),
      'sign-in': ask(url, '/v1/sessions', { method: 'POST', body: { email, password: PASSWORD } }),
      'sign-up': ask(url, '/v1/signup', {
        method: 'POST',
        body: { companyName: 'Late', personName: 'Late', email: `${randomUUID()}@example.com`, password: PASSWORD },
      }),
    };
    const free = {
      401: ask(url, '/v1/tenant'),
      404: ask(url, '/v1/nowhere'),
      400: ask(url, '/v1/signup', { method: 'POST', body: { companyName: 1 } }),
      200: ask(url, '/healthz'),
    };
    // Probes share an answer for a moment.
    await sleep(300);
    const ready = await ask(url, '/readyz');
    if (away === 'away') {
      expect(ready.body).toMatchObject({ type: '/problems/dependency-unavailable', status: 503 });
      expect(ready.body.missing).toContain('database');
      expect(ready.body.missing).toContain('event log');
    }
    for (const [status, asked] of Object.entries(free)) expect((await asked).status).toBe(Number(status));
    for (const [what, asked] of Object.entries(needing)) {
      const answer = await asked;
      if (away === 'away' || answer.status >= 300) expect([what, told(answer)]).toEqual([what, AWAY]);
      expect(answer.ms).toBeLessThan(BOUND_MS);
    }
  };

  /** Reads and writes, all of them, well and up to date, one round after the other. */
  const recovered = async (): Promise<void> => {
    const end = performance.now() + RECOVERY_MS;
    for (let well = 0; well < 2; ) {
      const round = await Promise.all(Array.from({ length: 4 }, () => roundTrip()));
      well = round.every((it) => it === 'well') ? well + 1 : 0;
      if (performance.now() > end)
        throw new Error(`not well after ${RECOVERY_MS} ms: ${round}\n${product.output().slice(-3_000)}`);
      if (well === 0) await sleep(50);
    }
    while ((await ask(url, '/readyz')).status !== 200) {
      if (performance.now() > end) throw new Error(`not ready after ${RECOVERY_MS} ms`);
      await sleep(50);
    }
  };

  const roundTrip = async (): Promise<string> => {
    const written = await rename(url, account.token, `Back ${randomUUID()}`, { 'idempotency-key': randomUUID() });
    if (written.status !== 200) return `write ${written.status}`;
    const headers = { 'if-position': written.headers.get('position') ?? '' };
    const read = await ask(url, '/v1/tenant', { token: account.token, headers });
    return read.status === 200 ? 'well' : `read ${read.status}`;
  };

  it.each([
    ['refuses connections', () => proxy.refuse()],
    ['takes connections and never answers', async () => proxy.blackHole()],
  ])('answers 503 in time where it %s, and is well again soon after', async (_, goAway) => {
    await goAway();
    await askEverything('away');
    await proxy.heal();
    await recovered();
  });

  it.each([
    ['is slow', async () => proxy.delay(120)],
    ['stalls', async () => proxy.stall()],
    ['is read-only, as a replica is', () => readOnly(true)],
    ['lets nobody in', () => letIn(false)],
  ])('answers in time where it %s, and is well again soon after', async (_, ail) => {
    await ail();
    const asked = askEverything('perhaps');
    await sleep(2_000);
    await Promise.all([proxy.heal(), readOnly(false), letIn(true)]);
    await recovered();
    await asked;
  });

  it('does not go through its dead connections one request after the other', async () => {
    const { api } = load;
    await Promise.all(Array.from({ length: 12 }, roundTrip));
    api.url = undefined;
    await sleep(500);
    proxy.blackHole();
    await proxy.heal();
    await recovered();
    api.url = url;
  });

  it.each([
    ['reset', () => proxy.reset()],
    ['closed at our end', () => proxy.halfClose('request')],
    ['closed at its end', () => proxy.halfClose('answer')],
    ['ended by an administrator', async () => void (await system.terminateBackends())],
  ])('answers in time while all connections are %s again and again, and is well again soon after', async (_, cut) => {
    for (let i = 0; i < 5; i++) {
      const asked = askEverything('perhaps');
      await sleep(40 * (i % 4));
      await cut();
      await asked;
    }
    await recovered();
  });

  it.each([
    ['the connection is cut at the statement of an append', { direction: 'request', at: 'append' }],
    ['the statement of an append arrives and its answer does not', { direction: 'request', at: 'append', after: true }],
    ['the connection is cut at a statement of an idempotency key', { direction: 'request', at: 'idempotency-' }],
    ['the connection is cut after a checkpoint', { direction: 'request', at: 'for update skip locked', after: true }],
  ] as const)('keeps what it says where %s', async (_, cut) => {
    const before = proxy.cuts;
    for (let i = 0; i < 6; i++) {
      // A statement's text passes once a connection, its name each time.
      if (i % 3 === 2) proxy.reset();
      proxy.cut(cut);
      await roundTrip();
    }
    expect(proxy.cuts).toBeGreaterThan(before);
    await proxy.heal();
    await recovered();
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
    const asked = askEverything('perhaps');
    await sleep(ms);
    await session.query('rollback');
    await session.end();
    await recovered();
    await asked;
  });

  it.each(['event_log.events', 'read_model.tenants', 'idempotency.keys'])(
    'answers in time while the disk is full for %s',
    async (table) => {
      await system.owner.query(FULL(table));
      await askEverything('perhaps');
      await system.owner.query(`drop trigger full_disk on ${table}`);
      await recovered();
    },
  );

  it('has lost nothing that it acknowledged through all of this, doubled nothing, and answered 500 to nobody', async () => {
    await load.stop();
    const complaints = await system.complaints(load.api.companies);
    const { signUps, commands, acknowledged } = tallyOf(load.api);
    process.stderr.write(
      `outages: ${signUps} sign-ups, ${commands} commands, ${acknowledged} acknowledged, ${complaints.length} complaints\n`,
    );
    expect(complaints).toEqual([]);
    expect(acknowledged).toBeGreaterThan(100);
    expect([...load.api.answers.keys()].filter((status) => status === 500)).toEqual([]);
    expect(await product.end('SIGTERM')).toBe(0);
  });

  const readOnly = async (on: boolean): Promise<void> => {
    await system.server.query(`alter database ${system.database} set default_transaction_read_only = ${on}`);
    if (on) await system.terminateBackends();
  };

  const letIn = async (yes: boolean): Promise<void> => {
    await system.server.query(`alter database ${system.database} allow_connections ${yes}`);
    if (!yes) await system.terminateBackends();
  };
});

/** What a client needs to know: that it is not its fault, and when to come back. */
const AWAY = { status: 503, type: '/problems/dependency-unavailable', retryAfter: true, problem: true };

const told = ({ status, headers, body }: Asked) => ({
  status,
  type: body.type,
  retryAfter: Number(headers.get('retry-after')) >= 1,
  problem: /^application\/problem\+json/.test(headers.get('content-type') ?? ''),
});

const FULL = (table: string): string => `
  create or replace function public.full_disk() returns trigger language plpgsql as
    $$ begin raise exception 'could not extend file: No space left on device' using errcode = '53100'; end $$;
  create trigger full_disk before insert or update on ${table} for each row execute function public.full_disk()`;
