import { InvalidAppend, LogUnavailable, type RecordedEvent } from '#event-log/port';
import { silentLogger } from '#platform/logging/logger.port';
import { InMemoryEventLog } from '#testing/in-memory-event-log';
import { openSessionWorld, type SessionWorld } from '#testing/worlds/session-world';
import { type AppendFactsDeps, appendFacts } from './append-facts';
import { createFactStore, type FactStore } from './fact-store';

describe('facts of sign-in in the outbox', () => {
  let world: SessionWorld;
  let log: InMemoryEventLog;
  let store: FactStore;

  beforeAll(async () => {
    world = await openSessionWorld();
    store = createFactStore(world.projector);
  });
  beforeEach(async () => {
    log = new InMemoryEventLog();
    await world.owner.query('delete from identity.facts');
  });
  afterAll(() => world.close());

  const append = (more: Partial<AppendFactsDeps> = {}) =>
    appendFacts({ store, log, isCreated: async () => true, logger: silentLogger, ...more });
  const waiting = async (): Promise<number> => (await store.waiting()).facts;
  /** As if the leases of all taken facts had ended. */
  const endLeases = () => world.owner.query(`update identity.facts set attempted_at = lease.now() - interval '1 hour'`);
  /** Starts a session and ends it. */
  const startAndEnd = async (): Promise<void> => {
    const { sessionId } = await world.sessions.open(world.toOpen());
    await world.pool.query(`select identity.end_session($1, $2, 'signed-out')`, [world.user, sessionId]);
  };
  const stored = async (): Promise<RecordedEvent[]> => (await log.readAll({ after: 0n, limit: 10_000 })).events.slice();
  const STARTED_AND_ENDED = [
    ['SessionStarted', 1],
    ['SessionEnded', 2],
  ];

  it('wait while the log is not available, in their order', async () => {
    await startAndEnd();
    const refused = jest.spyOn(log, 'append').mockRejectedValue(new LogUnavailable('not available'));
    const warn = jest.fn();
    expect(await append({ logger: { ...silentLogger, warn } })).toBe(0);
    // The end is not tried before the start.
    expect(refused).toHaveBeenCalledTimes(1);
    expect(warn).toHaveBeenCalledTimes(1);
    refused.mockRestore();
    expect([await waiting(), await append()]).toEqual([2, 0]);
    await endLeases();
    expect(await append()).toBe(2);
    expect((await stored()).map(({ type, version }) => [type, version])).toEqual(STARTED_AND_ENDED);
    expect(await waiting()).toBe(0);
  });

  it('cause one line in the log for all that could not be appended', async () => {
    for (let n = 0; n < 5; n++) await startAndEnd();
    jest.spyOn(log, 'append').mockRejectedValue(new LogUnavailable('not available'));
    const warn = jest.fn();
    await append({ logger: { ...silentLogger, warn } });
    expect(warn.mock.calls).toEqual([
      [expect.objectContaining({ failed: 5 }), 'facts of identity could not be appended to the log yet'],
    ]);
  });

  it('are taken in their order, also if the first one was taken before and not appended', async () => {
    await startAndEnd();
    const typesOf = async () => (await store.take(30, 1)).map(({ type }) => type);
    expect(await typesOf()).toEqual(['SessionStarted']);
    expect(await typesOf()).toEqual([]);
    await endLeases();
    expect(await typesOf()).toEqual(['SessionStarted']);
  });

  it('are taken by one worker after another, so that none takes an end while another takes its start', async () => {
    await startAndEnd();
    const first = await world.projector.connect();
    await first.query('begin');
    const { rows } = await first.query('select type from identity.take_facts(30, 1)');
    const second = store.take(30, 1);
    await Promise.race([second, world.untilBlocked()]);
    await first.query('commit');
    first.release();
    expect([rows, await second]).toEqual([[{ type: 'SessionStarted' }], []]);
  });

  it('are appended once, also if a worker is killed before it deletes them', async () => {
    await startAndEnd();
    const killed = { ...store, delete: () => Promise.reject(new Error('killed')) };
    await expect(append({ store: killed })).rejects.toThrow('killed');
    expect(await waiting()).toBe(2);
    await endLeases();
    expect(await append()).toBe(2);
    expect((await stored()).map(({ type, version }) => [type, version])).toEqual(STARTED_AND_ENDED);
  });

  it('are appended once by several workers, those of a session in their order', async () => {
    for (let n = 0; n < 10; n++) await startAndEnd();
    const counts = await Promise.all(Array.from({ length: 4 }, () => append()));
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(20);
    const versions = (await stored()).map(({ type, version }) => [type, version]);
    expect(versions.filter(([type]) => type === 'SessionStarted')).toEqual(Array(10).fill(STARTED_AND_ENDED[0]));
    expect(versions.filter(([type]) => type === 'SessionEnded')).toEqual(Array(10).fill(STARTED_AND_ENDED[1]));
  });

  it('wait for the tenant of a session that is being created, for a day', async () => {
    await world.sessions.open(world.toOpen());
    const isCreated = async () => false;
    expect(await append({ isCreated })).toBe(0);
    await endLeases();
    await world.owner.query(`update identity.facts set happened_at = now() - interval '2 days'`);
    expect(await append({ isCreated })).toBe(1);
    expect([await waiting(), await stored()]).toEqual([0, []]);
  });

  it('leave the outbox if the log can never accept them', async () => {
    await world.sessions.open(world.toOpen());
    jest.spyOn(log, 'append').mockRejectedValue(new InvalidAppend('the tenant was erased'));
    const warn = jest.fn();
    expect(await append({ logger: { ...silentLogger, warn } })).toBe(1);
    expect(warn).toHaveBeenCalledTimes(1);
    expect(await waiting()).toBe(0);
  });
});
