import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { ADVISORY_LOCKS } from '#platform/database/locks/advisory-locks';
import { tallyOf } from '../chaos/client';
import { type OutageWorld, openOutageWorld } from './outage-world';
import { endAll } from './start/product';

jest.setTimeout(600_000);

/** One process of the product under constant load, while its database fails in many ways. */
describe('the product, while its database is not available', () => {
  let world: OutageWorld;
  beforeAll(async () => {
    world = await openOutageWorld();
    await world.waitForRecovery();
  });

  afterAll(async () => {
    await world.load.stop();
    await endAll();
    await world.close();
  });

  afterEach(() => world.proxy.heal());

  it.each([
    ['refuses connections', () => world.proxy.refuse()],
    ['accepts connections and never answers', async () => world.proxy.blackHole()],
  ])('answers 503 in time while the database %s, and recovers soon after', async (_, startOutage) => {
    const { checkAnswers, proxy, waitForRecovery } = world;
    await startOutage();
    await checkAnswers('total');
    await proxy.heal();
    await waitForRecovery();
  });

  it.each([
    ['is slow', async () => world.proxy.delay(120)],
    ['stalls', async () => world.proxy.stall()],
    ['is read-only, like a replica', () => setReadOnly(true)],
    ['allows no connections', () => allowConnections(false)],
  ])('answers in time while the database %s, and recovers soon after', async (_, startOutage) => {
    const { checkAnswers, proxy, waitForRecovery } = world;
    await startOutage();
    const answers = checkAnswers('partial');
    await sleep(2_000);
    await Promise.all([proxy.heal(), setReadOnly(false), allowConnections(true)]);
    await waitForRecovery();
    await answers;
  });

  it('does not use one dead connection after the other once the database is back', async () => {
    const { load, proxy, roundTrip, url, waitForRecovery } = world;
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
    ['reset', () => world.proxy.reset()],
    ['closed in the direction of requests', () => world.proxy.halfClose('request')],
    ['closed in the direction of answers', () => world.proxy.halfClose('answer')],
    ['ended by an administrator', async () => void (await world.system.terminateBackends())],
  ])('answers in time while all connections are repeatedly %s, and recovers soon after', async (_, cut) => {
    const { checkAnswers, waitForRecovery } = world;
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
    const { proxy, roundTrip, waitForRecovery } = world;
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
    const { checkAnswers, system, waitForRecovery } = world;
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
      const { checkAnswers, system, waitForRecovery } = world;
      await system.owner.query(fullDiskTrigger(table));
      await checkAnswers('partial');
      await system.owner.query(`drop trigger full_disk on ${table}`);
      await waitForRecovery();
    },
  );

  it('has lost and repeated no acknowledged write during all outages, and never answered 500', async () => {
    const { load, product, system } = world;
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
    const { system } = world;
    await system.server.query(`alter database ${system.database} set default_transaction_read_only = ${on}`);
    if (on) await system.terminateBackends();
  };

  const allowConnections = async (allowed: boolean): Promise<void> => {
    const { system } = world;
    await system.server.query(`alter database ${system.database} allow_connections ${allowed}`);
    if (!allowed) await system.terminateBackends();
  };
});

/** SQL that makes all writes to a table fail like a full disk. */
const fullDiskTrigger = (table: string): string => `
  create or replace function public.full_disk() returns trigger language plpgsql as
    $$ begin raise exception 'could not extend file: No space left on device' using errcode = '53100'; end $$;
  create trigger full_disk before insert or update on ${table} for each row execute function public.full_disk()`;
