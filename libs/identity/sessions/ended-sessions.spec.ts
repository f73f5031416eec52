import { eventually } from '#testing/worlds/rebuild-world';
import { CAUSE, openSessionWorld, type SessionWorld } from '#testing/worlds/session-world';
import { createSignUpStore } from '../sagas/sign-up-store';
import { createEndedSessions } from './ended-sessions';
import { GRACE_SECONDS } from './sessions';

describe('sessions that have ended', () => {
  let world: SessionWorld;
  beforeAll(async () => {
    world = await openSessionWorld();
  });
  afterAll(() => world.close());

  const end = async (): Promise<string> => {
    const { sessionId, refreshToken } = await world.sessions.open(world.toOpen());
    await world.sessions.refresh(refreshToken, CAUSE);
    await world.later(sessionId, GRACE_SECONDS + 1);
    await world.sessions.refresh(refreshToken, CAUSE);
    return sessionId;
  };
  it('are known to a process that starts afterwards, and soon to one that runs', async () => {
    const before = await end();
    const ended = createEndedSessions({ pool: world.pool, accessTtlSeconds: 900, everyMs: 20 });
    const onEnded = jest.fn();
    await ended.watch(onEnded);
    try {
      expect(ended.has(before)).toBe(true);
      const now = await end();
      await eventually(() => ended.has(now));
      await eventually(() => onEnded.mock.calls.length > 0);
      expect(ended.has((await world.sessions.open(world.toOpen())).sessionId)).toBe(false);
    } finally {
      await ended.close();
    }
  });

  it('are read after the database was not available', async () => {
    const ended = createEndedSessions({ pool: world.pool, accessTtlSeconds: 900, everyMs: 20 });
    await ended.watch(() => {});
    const outage = jest
      .spyOn(world.pool, 'connect')
      .mockImplementation(() => Promise.reject(new Error('not available')));
    try {
      await eventually(() => outage.mock.calls.length > 1);
      outage.mockRestore();
      const now = await end();
      await eventually(() => ended.has(now));
    } finally {
      await ended.close();
    }
  });

  it('are forgotten when none of their access tokens can be valid any more', async () => {
    const old = await end();
    await world.owner.query(`update identity.sessions set ended_at = ended_at - interval '2 hours' where id = $1`, [
      old,
    ]);
    const ended = createEndedSessions({ pool: world.pool, accessTtlSeconds: 900, everyMs: 20 });
    await ended.watch(() => {});
    expect(ended.has(old)).toBe(false);
    await ended.close();
  });

  it('by their time limit are those that have expired by the clocks of the process and of the database', async () => {
    const { sessionId } = await world.sessions.open(world.toOpen());
    await world.owner.query(`update identity.sessions set expires_at = now() - interval '1 hour' where id = $1`, [
      sessionId,
    ]);
    const { purge } = createSignUpStore(world.projector);
    // As where the clock of the database is ten days ahead, and that of the process is right.
    await purge(24, new Date(Date.now() - 10 * 86_400_000));
    expect(await world.openOf(world.user)).toContain(sessionId);
    await purge(24, new Date(Date.now() + 10 * 86_400_000));
    expect(await world.openOf(world.user)).not.toContain(sessionId);
  });
});
