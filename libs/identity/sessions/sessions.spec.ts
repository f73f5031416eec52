import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { seeds } from '#testing/seeds';
import { eventually } from '#testing/worlds/rebuild-world';
import { CAUSE, openSessionWorld, type SessionWorld } from '#testing/worlds/session-world';
import { GRACE_SECONDS, type Refreshed } from './sessions';

describe('sessions', () => {
  let world: SessionWorld;
  beforeAll(async () => {
    world = await openSessionWorld();
  });
  afterAll(() => world.close());

  const hashOf = (token: string): Buffer => createHash('sha256').update(token).digest();
  const next = (refreshed: Refreshed): string => {
    if (refreshed.outcome !== 'rotated') throw new Error(`the outcome of the refresh was ${refreshed.outcome}`);
    return refreshed.refreshToken;
  };

  it('are extended by refresh tokens, each valid for one refresh', async () => {
    const { sessionId, refreshToken } = await world.sessions.open(world.toOpen());
    const first = await world.sessions.refresh(refreshToken, CAUSE);
    expect(first).toMatchObject({ outcome: 'rotated', sessionId, userId: world.user, tenantId: world.tenant });
    const second = next(await world.sessions.refresh(next(first), CAUSE));
    expect(new Set([refreshToken, next(first), second]).size).toBe(3);
    expect(second).toMatch(/^[\w-]{43}$/);
  });

  it('end when a used refresh token is used again, because somebody has a copy of it', async () => {
    const { sessionId, refreshToken } = await world.sessions.open(world.toOpen());
    const latest = next(await world.sessions.refresh(refreshToken, CAUSE));
    await world.later(sessionId, GRACE_SECONDS + 1);
    expect(await world.sessions.refresh(refreshToken, CAUSE)).toMatchObject({ outcome: 'reused' });
    expect(await world.sessions.refresh(latest, CAUSE)).toMatchObject({ outcome: 'ended' });
    const { rows } = await world.owner.query('select ended_at, end_reason from identity.sessions where id = $1', [
      sessionId,
    ]);
    expect(rows).toEqual([{ ended_at: expect.any(Date), end_reason: 'refresh-token-reused' }]);
  });

  it('answer every one of many simultaneous refreshes with the same next token', async () => {
    const { sessionId, refreshToken } = await world.sessions.open(world.toOpen());
    // All of them wait for the lock before the first one can continue.
    const blocker = await world.owner.connect();
    await blocker.query('begin');
    await blocker.query('select 1 from identity.sessions where id = $1 for update', [sessionId]);
    const refreshes = Array.from({ length: 6 }, () => world.sessions.refresh(refreshToken, CAUSE));
    const waiting = `select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`;
    await eventually(async () => (await world.owner.query(waiting)).rows.length === refreshes.length);
    await blocker.query('commit');
    blocker.release();
    const all = await Promise.all(refreshes);
    expect(new Set(all.map(next)).size).toBe(1);
    const { rows } = await world.owner.query(
      'select count(*)::integer as unused from identity.refresh_tokens where session_id = $1 and used_at is null',
      [sessionId],
    );
    expect(rows).toEqual([{ unused: 1 }]);
  });

  it('end when user and thief have got the same next token within the grace, and both use it', async () => {
    const { sessionId, refreshToken } = await world.sessions.open(world.toOpen());
    const ownToken = next(await world.sessions.refresh(refreshToken, CAUSE));
    const stolenToken = next(await world.sessions.refresh(refreshToken, CAUSE));
    await world.sessions.refresh(stolenToken, CAUSE);
    await world.later(sessionId, GRACE_SECONDS + 1);
    expect(await world.sessions.refresh(ownToken, CAUSE)).toMatchObject({ outcome: 'reused' });
  });

  it('refuse made-up tokens', async () => {
    expect(await world.sessions.refresh('made-up', CAUSE)).toEqual({ outcome: 'unknown' });
  });

  it('expire when they are not used, and each refresh postpones that', async () => {
    const { sessionId, refreshToken } = await world.sessions.open(world.toOpen());
    const expire = () =>
      world.owner.query(`update identity.sessions set expires_at = now() where id = $1 returning id`, [sessionId]);
    const latest = next(await world.sessions.refresh(refreshToken, CAUSE));
    const { rows } = await world.owner.query(
      `select expires_at > now() + interval '29 days' as postponed from identity.sessions where id = $1`,
      [sessionId],
    );
    expect(rows).toEqual([{ postponed: true }]);
    await expire();
    expect(await world.sessions.refresh(latest, CAUSE)).toMatchObject({ outcome: 'ended' });
  });

  it('store nothing that a reader of the table could use', async () => {
    const { sessionId, refreshToken } = await world.sessions.open(world.toOpen());
    const latest = next(await world.sessions.refresh(refreshToken, CAUSE));
    const { rows } = await world.owner.query<{ token_hash: Buffer; next_salt: Buffer | null }>(
      'select * from identity.refresh_tokens where session_id = $1 order by used_at',
      [sessionId],
    );
    expect(rows.map((row) => row.token_hash)).toEqual([hashOf(refreshToken), hashOf(latest)]);
    const stored = rows.flatMap((row) => [row.token_hash, row.next_salt ?? Buffer.alloc(0)]);
    for (const token of [refreshToken, latest])
      expect(stored.some((bytes) => bytes.includes(Buffer.from(token, 'base64url')))).toBe(false);
  });

  it('store the access record of the request, at the time of the session', async () => {
    const toBegin = world.toOpen();
    await world.sessions.open(toBegin);
    const { rows } = await world.owner.query(
      `select r.kind, r.credential_id, r.user_id, r.address, r.user_agent
       from identity.sessions s join access.records r on r.id = s.access_id where s.id = $1`,
      [toBegin.sessionId],
    );
    const { kind, credentialId: credential_id, address, userAgent: user_agent } = toBegin.access;
    expect(rows).toEqual([{ kind, credential_id, user_id: world.user, address, user_agent }]);
  });

  it('never fork, and end exactly when a token is used again after the grace, in any order of refreshes', async () => {
    const step = fc.oneof(
      { weight: 3, arbitrary: fc.record({ kind: fc.constant('refresh' as const), at: fc.nat(100) }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant('wait' as const), at: fc.constant(0) }) },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 14 }), async (steps) => {
        const { sessionId, refreshToken } = await world.sessions.open(world.toOpen());
        const chain = [refreshToken];
        // The index in the chain of the first token that was used within the grace.
        let withinGrace = 0;
        let ended = false;
        for (const { kind, at } of steps) {
          if (kind === 'wait') {
            await world.later(sessionId, GRACE_SECONDS + 1);
            withinGrace = chain.length - 1;
            continue;
          }
          const index = at % chain.length;
          const answer = await world.sessions.refresh(chain[index] ?? '', CAUSE);
          if (ended) expect(answer.outcome).toBe('ended');
          else if (index < withinGrace) {
            expect(answer.outcome).toBe('reused');
            ended = true;
          } else if (index < chain.length - 1) expect(next(answer)).toBe(chain.at(-1));
          else chain.push(next(answer));
        }
        const { rows } = await world.owner.query(
          'select count(*)::integer as all, count(*) filter (where used_at is null)::integer as unused from identity.refresh_tokens where session_id = $1',
          [sessionId],
        );
        expect(rows).toEqual([{ all: chain.length, unused: 1 }]);
      }),
      { numRuns: seeds(40) },
    );
  }, 600_000);
});
