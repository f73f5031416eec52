import { accessJson } from '#access/access';
import { uuidv7 } from '#platform/ids/uuid';
import { CAUSE, openSessionWorld, type SessionWorld } from '#testing/worlds/session-world';
import { FIRST_PASSWORD, GRACE_SECONDS, MAX_SESSIONS } from './sessions';

describe('sessions', () => {
  let world: SessionWorld;
  beforeAll(async () => {
    world = await openSessionWorld();
  });
  afterAll(() => world.close());

  describe('are opened only while the proof holds', () => {
    const changePassword = (userId: string, keptId: string | null = null) =>
      world.pool.query<{ ended: string[] | null }>(
        `select identity.change_password($1, password_hash, 'hash ' || password_hash, $2) as ended
         from identity.find_password($1)`,
        [userId, keptId ?? uuidv7()],
      );
    const end = (userId: string, sessionId: string) =>
      world.pool.query(`select identity.end_session($1, $2, 'signed-out')`, [userId, sessionId]);
    const refused = { problem: 'unauthenticated' };

    it('and not with a password that was changed since it was checked', async () => {
      const userId = await world.createUser();
      await world.sessions.open(world.toOpen({ passwordVersion: 1 }, userId));
      await changePassword(userId);
      await expect(world.sessions.open(world.toOpen({ passwordVersion: 1 }, userId))).rejects.toMatchObject(refused);
      await world.sessions.open(world.toOpen({ passwordVersion: 2 }, userId));
      expect(await world.openOf(userId)).toHaveLength(1);
    });

    it('and not from a session that has ended or expired, or that belongs to another user', async () => {
      const [userId, other] = [await world.createUser(), await world.createUser()];
      const { sessionId } = await world.sessions.open(world.toOpen(FIRST_PASSWORD, userId));
      await world.sessions.open(world.toOpen({ sessionId }, userId));
      await expect(world.sessions.open(world.toOpen({ sessionId }, other))).rejects.toMatchObject(refused);
      await expect(world.sessions.open(world.toOpen({ sessionId: uuidv7() }, userId))).rejects.toMatchObject(refused);
      await end(userId, sessionId);
      await expect(world.sessions.open(world.toOpen({ sessionId }, userId))).rejects.toMatchObject(refused);
      const { sessionId: expired } = await world.sessions.open(world.toOpen(FIRST_PASSWORD, userId));
      await world.owner.query('update identity.sessions set expires_at = now() where id = $1', [expired]);
      await expect(world.sessions.open(world.toOpen({ sessionId: expired }, userId))).rejects.toMatchObject(refused);
    });

    it.each(['password', 'session'] as const)('also if the %s ends while the session is being opened', async (kind) => {
      const userId = await world.createUser();
      const { sessionId } = await world.sessions.open(world.toOpen(FIRST_PASSWORD, userId));
      const blocker = await world.owner.connect();
      await blocker.query('begin');
      if (kind === 'password')
        await blocker.query(`select identity.change_password($1, 'hash', 'new', $2)`, [userId, uuidv7()]);
      else await blocker.query(`select identity.end_session($1, $2, 'signed-out')`, [userId, sessionId]);
      const opening = Promise.allSettled([
        world.sessions.open(world.toOpen({ sessionId }, userId)),
        ...(kind === 'password' ? [world.sessions.open(world.toOpen({ passwordVersion: 1 }, userId))] : []),
      ]);
      await world.untilBlocked();
      await blocker.query('commit');
      blocker.release();
      for (const { status } of await opening) expect(status).toBe('rejected');
      expect(await world.openOf(userId)).toEqual([]);
    });

    it.each(['password', 'session'] as const)('and end if the %s ends just after they were opened', async (kind) => {
      const userId = await world.createUser();
      const { sessionId } = await world.sessions.open(world.toOpen(FIRST_PASSWORD, userId));
      const blocker = await world.owner.connect();
      await blocker.query('begin');
      const { access, network, ...late } = world.toOpen({ sessionId }, userId);
      await blocker.query(`select identity.open_session($1, $2, $3, 1, $4, 30, $5, $6, null, $7, 100, 'password')`, [
        ...[late.sessionId, userId, world.tenant, Buffer.from(late.sessionId), accessJson(access), network, sessionId],
      ]);
      const ending = kind === 'password' ? changePassword(userId) : end(userId, sessionId);
      await world.untilBlocked();
      await blocker.query('commit');
      blocker.release();
      await ending;
      expect(await world.openOf(userId)).toEqual([]);
    });

    it('and end with the session from which they were opened, at any depth, but not the other way round', async () => {
      const userId = await world.createUser();
      const { sessionId: root } = await world.sessions.open(world.toOpen(FIRST_PASSWORD, userId));
      const { sessionId: sibling } = await world.sessions.open(world.toOpen(FIRST_PASSWORD, userId));
      const { sessionId: child } = await world.sessions.open(world.toOpen({ sessionId: root }, userId));
      const { sessionId: grandchild } = await world.sessions.open(world.toOpen({ sessionId: child }, userId));
      const { rows } = await world.pool.query(`select identity.end_session($1, $2, 'revoked')::text[] as ended`, [
        userId,
        child,
      ]);
      expect(rows).toEqual([{ ended: [child, grandchild] }]);
      expect(await world.openOf(userId)).toEqual([root, sibling]);
    });

    it('also by a refresh token that is used twice', async () => {
      const userId = await world.createUser();
      const { sessionId, refreshToken } = await world.sessions.open(world.toOpen(FIRST_PASSWORD, userId));
      const { sessionId: child } = await world.sessions.open(world.toOpen({ sessionId }, userId));
      await world.sessions.refresh(refreshToken, CAUSE);
      await world.later(sessionId, GRACE_SECONDS + 1);
      expect(await world.sessions.refresh(refreshToken, CAUSE)).toEqual({
        outcome: 'reused',
        ended: [sessionId, child],
      });
    });
  });

  describe(`are at most ${MAX_SESSIONS} of one user: the least recently used ones end`, () => {
    it('if all of them are opened from one session', async () => {
      const userId = await world.createUser();
      const { sessionId: root } = await world.sessions.open(world.toOpen(FIRST_PASSWORD, userId));
      const open = () => world.sessions.open(world.toOpen({ sessionId: root }, userId));
      const opened: string[] = [];
      for (let n = 1; n < MAX_SESSIONS; n++) opened.push((await open()).sessionId);
      expect(await world.openOf(userId)).toEqual([root, ...opened]);
      const more = await Promise.all(Array.from({ length: 8 }, open));
      expect((await world.openOf(userId)).sort()).toEqual(
        [root, ...opened.slice(8), ...more.map((it) => it.sessionId)].sort(),
      );
      expect(more.flatMap(({ ended }) => ended).sort()).toEqual(opened.slice(0, 8).sort());
    });

    it('if each of them is opened from the one before, and the end of the first ends all', async () => {
      const userId = await world.createUser();
      const chain = [(await world.sessions.open(world.toOpen(FIRST_PASSWORD, userId))).sessionId];
      for (let n = 1; n < MAX_SESSIONS + 3; n++)
        chain.push((await world.sessions.open(world.toOpen({ sessionId: chain.at(-1) ?? '' }, userId))).sessionId);
      expect(await world.openOf(userId)).toEqual(chain.slice(3));
      await world.pool.query(`select identity.end_session($1, $2, 'revoked')`, [userId, chain[0]]);
      expect(await world.openOf(userId)).toEqual([]);
    });
  });
});
