import { createHash } from 'node:crypto';
import fc from 'fast-check';
import type { Pool } from 'pg';
import { accessJson } from '#access/access';
import { createPool } from '#platform/database/connections/pools';
import { uuidv7 } from '#platform/ids/uuid';
import { until } from '#test/e2e/start/product';
import { testAccess } from '#testing/access';
import { createTestDatabase, type TestDatabase } from '#testing/database';
import { seeds } from '#testing/seeds';
import { createEndedSessions } from './ended-sessions';
import {
  createSessions,
  FIRST_PASSWORD,
  GRACE_SECONDS,
  MAX_SESSIONS,
  type Refreshed,
  type SessionProof,
  type SessionToOpen,
} from './sessions';

const CAUSE = { correlationId: 'test' };

describe('sessions', () => {
  let database: TestDatabase;
  let pool: Pool;
  let owner: Pool;
  const user = uuidv7();
  const tenant = uuidv7();

  beforeAll(async () => {
    database = await createTestDatabase();
    pool = createPool({ url: database.urls.app, max: 8, applicationName: 'test' });
    owner = createPool({ url: database.urls.owner, max: 2, applicationName: 'test' });
    await owner.query(
      `insert into identity.users (id, email, email_key, name, password_hash, state)
       values ($1, 'a@b.example', 'a@b.example', 'A', '', 'active')`,
      [user],
    );
  });

  afterAll(async () => {
    await Promise.all([pool.end(), owner.end()]);
    await database.drop();
  });

  const sessions = () => createSessions(pool, 30);
  const toOpen = (proof: SessionProof = FIRST_PASSWORD, userId = user): SessionToOpen => {
    const sessionId = uuidv7();
    const access = testAccess({ credentialId: sessionId });
    return {
      sessionId,
      userId,
      tenantId: tenant,
      memberSince: 1,
      access,
      network: Buffer.from('network'),
      proof,
      ...{ method: 'password', cause: CAUSE },
    };
  };
  const createUser = async (): Promise<string> => {
    const id = uuidv7();
    await owner.query(
      `insert into identity.users (id, email, email_key, name, password_hash, state)
       values ($1::uuid, $1::text, $1::text, 'A', 'hash', 'active')`,
      [id],
    );
    return id;
  };
  const openOf = async (userId: string): Promise<string[]> =>
    (
      await owner.query<{ id: string }>(
        'select id from identity.sessions where user_id = $1 and ended_at is null order by created_at, id',
        [userId],
      )
    ).rows.map(({ id }) => id);
  /** Waits until another connection waits for a lock. */
  const untilBlocked = () =>
    until(
      async () =>
        (
          await owner.query(
            `select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
          )
        ).rows.length > 0,
      10_000,
    );
  const hashOf = (token: string): Buffer => createHash('sha256').update(token).digest();
  /** Sets the time at which the tokens of a session were used back by `seconds`. */
  const later = (sessionId: string, seconds: number) =>
    owner.query(
      'update identity.refresh_tokens set used_at = used_at - make_interval(secs => $2) where session_id = $1',
      [sessionId, seconds],
    );
  const next = (refreshed: Refreshed): string => {
    if (refreshed.outcome !== 'rotated') throw new Error(`the outcome of the refresh was ${refreshed.outcome}`);
    return refreshed.refreshToken;
  };

  it('are extended by refresh tokens, each valid for one refresh', async () => {
    const { sessionId, refreshToken } = await sessions().open(toOpen());
    const first = await sessions().refresh(refreshToken, CAUSE);
    expect(first).toMatchObject({ outcome: 'rotated', sessionId, userId: user, tenantId: tenant });
    const second = next(await sessions().refresh(next(first), CAUSE));
    expect(new Set([refreshToken, next(first), second]).size).toBe(3);
    expect(second).toMatch(/^[\w-]{43}$/);
  });

  it('end when a used refresh token is used again, because somebody has a copy of it', async () => {
    const { sessionId, refreshToken } = await sessions().open(toOpen());
    const latest = next(await sessions().refresh(refreshToken, CAUSE));
    await later(sessionId, GRACE_SECONDS + 1);
    expect(await sessions().refresh(refreshToken, CAUSE)).toMatchObject({ outcome: 'reused' });
    expect(await sessions().refresh(latest, CAUSE)).toMatchObject({ outcome: 'ended' });
    const { rows } = await owner.query('select ended_at, end_reason from identity.sessions where id = $1', [sessionId]);
    expect(rows).toEqual([{ ended_at: expect.any(Date), end_reason: 'refresh-token-reused' }]);
  });

  it('answer every one of many simultaneous refreshes with the same next token', async () => {
    const { sessionId, refreshToken } = await sessions().open(toOpen());
    // All of them wait for the lock before the first one can continue.
    const blocker = await owner.connect();
    await blocker.query('begin');
    await blocker.query('select 1 from identity.sessions where id = $1 for update', [sessionId]);
    const refreshes = Array.from({ length: 6 }, () => sessions().refresh(refreshToken, CAUSE));
    const waiting = `select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`;
    await until(async () => (await owner.query(waiting)).rows.length === refreshes.length, 10_000);
    await blocker.query('commit');
    blocker.release();
    const all = await Promise.all(refreshes);
    expect(new Set(all.map(next)).size).toBe(1);
    const { rows } = await owner.query(
      'select count(*)::integer as unused from identity.refresh_tokens where session_id = $1 and used_at is null',
      [sessionId],
    );
    expect(rows).toEqual([{ unused: 1 }]);
  });

  it('end when user and thief have got the same next token within the grace, and both use it', async () => {
    const { sessionId, refreshToken } = await sessions().open(toOpen());
    const ownToken = next(await sessions().refresh(refreshToken, CAUSE));
    const stolenToken = next(await sessions().refresh(refreshToken, CAUSE));
    await sessions().refresh(stolenToken, CAUSE);
    await later(sessionId, GRACE_SECONDS + 1);
    expect(await sessions().refresh(ownToken, CAUSE)).toMatchObject({ outcome: 'reused' });
  });

  it('refuse made-up tokens', async () => {
    expect(await sessions().refresh('made-up', CAUSE)).toEqual({ outcome: 'unknown' });
  });

  it('expire when they are not used, and each refresh postpones that', async () => {
    const { sessionId, refreshToken } = await sessions().open(toOpen());
    const expire = () =>
      owner.query(`update identity.sessions set expires_at = now() where id = $1 returning id`, [sessionId]);
    const latest = next(await sessions().refresh(refreshToken, CAUSE));
    const { rows } = await owner.query(
      `select expires_at > now() + interval '29 days' as postponed from identity.sessions where id = $1`,
      [sessionId],
    );
    expect(rows).toEqual([{ postponed: true }]);
    await expire();
    expect(await sessions().refresh(latest, CAUSE)).toMatchObject({ outcome: 'ended' });
  });

  it('store nothing that a reader of the table could use', async () => {
    const { sessionId, refreshToken } = await sessions().open(toOpen());
    const latest = next(await sessions().refresh(refreshToken, CAUSE));
    const { rows } = await owner.query<{ token_hash: Buffer; next_salt: Buffer | null }>(
      'select * from identity.refresh_tokens where session_id = $1 order by used_at',
      [sessionId],
    );
    expect(rows.map((row) => row.token_hash)).toEqual([hashOf(refreshToken), hashOf(latest)]);
    const stored = rows.flatMap((row) => [row.token_hash, row.next_salt ?? Buffer.alloc(0)]);
    for (const token of [refreshToken, latest])
      expect(stored.some((bytes) => bytes.includes(Buffer.from(token, 'base64url')))).toBe(false);
  });

  it('store the access record of the request, at the time of the session', async () => {
    const toBegin = toOpen();
    await sessions().open(toBegin);
    const { rows } = await owner.query(
      `select r.kind, r.credential_id, r.user_id, r.address, r.user_agent
       from identity.sessions s join access.records r on r.id = s.access_id where s.id = $1`,
      [toBegin.sessionId],
    );
    const { kind, credentialId: credential_id, address, userAgent: user_agent } = toBegin.access;
    expect(rows).toEqual([{ kind, credential_id, user_id: user, address, user_agent }]);
  });

  it('never fork, and end exactly when a token is used again after the grace, in any order of refreshes', async () => {
    const step = fc.oneof(
      { weight: 3, arbitrary: fc.record({ kind: fc.constant('refresh' as const), at: fc.nat(100) }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant('wait' as const), at: fc.constant(0) }) },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 14 }), async (steps) => {
        const { sessionId, refreshToken } = await sessions().open(toOpen());
        const chain = [refreshToken];
        // The index in the chain of the first token that was used within the grace.
        let withinGrace = 0;
        let ended = false;
        for (const { kind, at } of steps) {
          if (kind === 'wait') {
            await later(sessionId, GRACE_SECONDS + 1);
            withinGrace = chain.length - 1;
            continue;
          }
          const index = at % chain.length;
          const answer = await sessions().refresh(chain[index] ?? '', CAUSE);
          if (ended) expect(answer.outcome).toBe('ended');
          else if (index < withinGrace) {
            expect(answer.outcome).toBe('reused');
            ended = true;
          } else if (index < chain.length - 1) expect(next(answer)).toBe(chain.at(-1));
          else chain.push(next(answer));
        }
        const { rows } = await owner.query(
          'select count(*)::integer as all, count(*) filter (where used_at is null)::integer as unused from identity.refresh_tokens where session_id = $1',
          [sessionId],
        );
        expect(rows).toEqual([{ all: chain.length, unused: 1 }]);
      }),
      { numRuns: seeds(40) },
    );
  }, 600_000);

  describe('are opened only while the proof holds', () => {
    const changePassword = (userId: string, keptId: string | null = null) =>
      pool.query<{ ended: string[] | null }>(
        `select identity.change_password($1, password_hash, 'hash ' || password_hash, $2) as ended
         from identity.find_password($1)`,
        [userId, keptId ?? uuidv7()],
      );
    const end = (userId: string, sessionId: string) =>
      pool.query(`select identity.end_session($1, $2, 'signed-out')`, [userId, sessionId]);
    const refused = { problem: 'unauthenticated' };

    it('and not with a password that was changed since it was checked', async () => {
      const userId = await createUser();
      await sessions().open(toOpen({ passwordVersion: 1 }, userId));
      await changePassword(userId);
      await expect(sessions().open(toOpen({ passwordVersion: 1 }, userId))).rejects.toMatchObject(refused);
      await sessions().open(toOpen({ passwordVersion: 2 }, userId));
      expect(await openOf(userId)).toHaveLength(1);
    });

    it('and not from a session that has ended or expired, or that belongs to another user', async () => {
      const [userId, other] = [await createUser(), await createUser()];
      const { sessionId } = await sessions().open(toOpen(FIRST_PASSWORD, userId));
      await sessions().open(toOpen({ sessionId }, userId));
      await expect(sessions().open(toOpen({ sessionId }, other))).rejects.toMatchObject(refused);
      await expect(sessions().open(toOpen({ sessionId: uuidv7() }, userId))).rejects.toMatchObject(refused);
      await end(userId, sessionId);
      await expect(sessions().open(toOpen({ sessionId }, userId))).rejects.toMatchObject(refused);
      const { sessionId: expired } = await sessions().open(toOpen(FIRST_PASSWORD, userId));
      await owner.query('update identity.sessions set expires_at = now() where id = $1', [expired]);
      await expect(sessions().open(toOpen({ sessionId: expired }, userId))).rejects.toMatchObject(refused);
    });

    it.each(['password', 'session'] as const)('also if the %s ends while the session is being opened', async (kind) => {
      const userId = await createUser();
      const { sessionId } = await sessions().open(toOpen(FIRST_PASSWORD, userId));
      const blocker = await owner.connect();
      await blocker.query('begin');
      if (kind === 'password')
        await blocker.query(`select identity.change_password($1, 'hash', 'new', $2)`, [userId, uuidv7()]);
      else await blocker.query(`select identity.end_session($1, $2, 'signed-out')`, [userId, sessionId]);
      const opening = Promise.allSettled([
        sessions().open(toOpen({ sessionId }, userId)),
        ...(kind === 'password' ? [sessions().open(toOpen({ passwordVersion: 1 }, userId))] : []),
      ]);
      await untilBlocked();
      await blocker.query('commit');
      blocker.release();
      for (const { status } of await opening) expect(status).toBe('rejected');
      expect(await openOf(userId)).toEqual([]);
    });

    it.each(['password', 'session'] as const)('and end if the %s ends just after they were opened', async (kind) => {
      const userId = await createUser();
      const { sessionId } = await sessions().open(toOpen(FIRST_PASSWORD, userId));
      const blocker = await owner.connect();
      await blocker.query('begin');
      const { access, network, ...late } = toOpen({ sessionId }, userId);
      await blocker.query(`select identity.open_session($1, $2, $3, 1, $4, 30, $5, $6, null, $7, 100, 'password')`, [
        ...[late.sessionId, userId, tenant, Buffer.from(late.sessionId), accessJson(access), network, sessionId],
      ]);
      const ending = kind === 'password' ? changePassword(userId) : end(userId, sessionId);
      await untilBlocked();
      await blocker.query('commit');
      blocker.release();
      await ending;
      expect(await openOf(userId)).toEqual([]);
    });

    it('and end with the session from which they were opened, at any depth, but not the other way round', async () => {
      const userId = await createUser();
      const { sessionId: root } = await sessions().open(toOpen(FIRST_PASSWORD, userId));
      const { sessionId: sibling } = await sessions().open(toOpen(FIRST_PASSWORD, userId));
      const { sessionId: child } = await sessions().open(toOpen({ sessionId: root }, userId));
      const { sessionId: grandchild } = await sessions().open(toOpen({ sessionId: child }, userId));
      const { rows } = await pool.query(`select identity.end_session($1, $2, 'revoked')::text[] as ended`, [
        userId,
        child,
      ]);
      expect(rows).toEqual([{ ended: [child, grandchild] }]);
      expect(await openOf(userId)).toEqual([root, sibling]);
    });

    it('also by a refresh token that is used twice', async () => {
      const userId = await createUser();
      const { sessionId, refreshToken } = await sessions().open(toOpen(FIRST_PASSWORD, userId));
      const { sessionId: child } = await sessions().open(toOpen({ sessionId }, userId));
      await sessions().refresh(refreshToken, CAUSE);
      await later(sessionId, GRACE_SECONDS + 1);
      expect(await sessions().refresh(refreshToken, CAUSE)).toEqual({ outcome: 'reused', ended: [sessionId, child] });
    });
  });

  describe(`are at most ${MAX_SESSIONS} of one user: the least recently used ones end`, () => {
    it('if all of them are opened from one session', async () => {
      const userId = await createUser();
      const { sessionId: root } = await sessions().open(toOpen(FIRST_PASSWORD, userId));
      const open = () => sessions().open(toOpen({ sessionId: root }, userId));
      const opened: string[] = [];
      for (let n = 1; n < MAX_SESSIONS; n++) opened.push((await open()).sessionId);
      expect(await openOf(userId)).toEqual([root, ...opened]);
      const more = await Promise.all(Array.from({ length: 8 }, open));
      expect((await openOf(userId)).sort()).toEqual(
        [root, ...opened.slice(8), ...more.map((it) => it.sessionId)].sort(),
      );
      expect(more.flatMap(({ ended }) => ended).sort()).toEqual(opened.slice(0, 8).sort());
    });

    it('if each of them is opened from the one before, and the end of the first ends all', async () => {
      const userId = await createUser();
      const chain = [(await sessions().open(toOpen(FIRST_PASSWORD, userId))).sessionId];
      for (let n = 1; n < MAX_SESSIONS + 3; n++)
        chain.push((await sessions().open(toOpen({ sessionId: chain.at(-1) ?? '' }, userId))).sessionId);
      expect(await openOf(userId)).toEqual(chain.slice(3));
      await pool.query(`select identity.end_session($1, $2, 'revoked')`, [userId, chain[0]]);
      expect(await openOf(userId)).toEqual([]);
    });
  });

  describe('that have ended', () => {
    const end = async (): Promise<string> => {
      const { sessionId, refreshToken } = await sessions().open(toOpen());
      await sessions().refresh(refreshToken, CAUSE);
      await later(sessionId, GRACE_SECONDS + 1);
      await sessions().refresh(refreshToken, CAUSE);
      return sessionId;
    };
    it('are known to a process that starts afterwards, and soon to one that runs', async () => {
      const before = await end();
      const ended = createEndedSessions({ pool, accessTtlSeconds: 900, everyMs: 20 });
      const onEnded = jest.fn();
      await ended.watch(onEnded);
      try {
        expect(ended.has(before)).toBe(true);
        const now = await end();
        await until(() => ended.has(now), 10_000);
        await until(() => onEnded.mock.calls.length > 0, 10_000);
        expect(ended.has((await sessions().open(toOpen())).sessionId)).toBe(false);
      } finally {
        await ended.close();
      }
    });

    it('are read after the database was not available', async () => {
      const ended = createEndedSessions({ pool, accessTtlSeconds: 900, everyMs: 20 });
      await ended.watch(() => {});
      const outage = jest.spyOn(pool, 'connect').mockImplementation(() => Promise.reject(new Error('not available')));
      try {
        await until(() => outage.mock.calls.length > 1, 10_000);
        outage.mockRestore();
        const now = await end();
        await until(() => ended.has(now), 10_000);
      } finally {
        await ended.close();
      }
    });

    it('are forgotten when none of their access tokens can be valid any more', async () => {
      const old = await end();
      await owner.query(`update identity.sessions set ended_at = ended_at - interval '2 hours' where id = $1`, [old]);
      const ended = createEndedSessions({ pool, accessTtlSeconds: 900, everyMs: 20 });
      await ended.watch(() => {});
      expect(ended.has(old)).toBe(false);
      await ended.close();
    });
  });
});
