import fc from 'fast-check';
import { accessJson } from '#access/access';
import { registerUser } from '#domain/user/decide';
import { userFold } from '#domain/user/evolve';
import { LogUnavailable } from '#event-log/port';
import { uuidv7 } from '#platform/ids/uuid';
import { testAccess } from '#testing/access';
import { seeds } from '#testing/seeds';
import { Cut, cutAt, nowhere, POINTS, useErasures } from '#testing/worlds/erasure-world';
import { type ErasureEvents, sweepErasures } from './erasure';
import { createErasureStore } from './erasure-store';

describe('an erasure', () => {
  const world = useErasures();
  const { request, expectErased, facts, sweep, createAda, join, rows, context, ids, events, storeOn, user } = world;

  it.each(POINTS)('interrupted %s is completed by the same request', async (point) => {
    await expect(request(cutAt(point))).rejects.toBeInstanceOf(Cut);
    // An erased user has no session to repeat the request with.
    if (point !== 'end') await request();
    await expectErased();
    expect((await facts()).map(({ type }) => type)).toEqual(['MemberRemoved', 'MemberRemoved', 'UserErased']);
  });

  it.each(POINTS)('interrupted %s is completed by the sweeper', async (point) => {
    await expect(request(cutAt(point))).rejects.toBeInstanceOf(Cut);
    expect(await sweep()).toBe(point === 'end' ? 0 : 1);
    await expectErased();
    expect((await facts()).map(({ type }) => type)).toEqual(['MemberRemoved', 'MemberRemoved', 'UserErased']);
    expect(await sweep()).toBe(0);
  });

  it('is complete after any interruptions, by repeats and sweeps in any order, also at the same time', async () => {
    const attempt = fc.record({
      by: fc.constantFrom('request', 'sweeper', 'both'),
      cut: fc.option(fc.constantFrom(...POINTS), { nil: undefined }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(attempt, { maxLength: 6 }), async (attempts) => {
        await world.owner.query('truncate idempotency.keys');
        await createAda();
        for (const { by, cut } of [...attempts, { by: 'request', cut: undefined }]) {
          const at = cut === undefined ? nowhere : cutAt(cut);
          await Promise.allSettled([by !== 'sweeper' && request(at), by !== 'request' && sweep(at)]);
        }
        await expectErased();
        expect((await facts()).map(({ type }) => type).sort()).toEqual([
          'MemberRemoved',
          'MemberRemoved',
          'UserErased',
        ]);
      }),
      { numRuns: seeds(25) },
    );
  }, 600_000);

  it('is repeated after a minute, and then also deletes what was added in between', async () => {
    await request();
    await join(world.tenantIds[0] ?? '', world.ada, 'member');
    await world.owner.query(
      `select identity.open_session($1, $2, $3, 1, '\\x04', 30, $4, null, 1, null, 100, 'password')`,
      [uuidv7(), world.ada, world.tenantIds[1], accessJson(testAccess({ userAgent: 'late' }))],
    );
    const age = (column: string, interval: string) =>
      world.owner.query(`update identity.erasures set ${column} = ${column} - interval '${interval}'`);
    expect(await sweep()).toBe(0);
    await age('erased_at', '61 seconds');
    expect(await sweep()).toBe(1);
    await expectErased();
    expect(await sweep()).toBe(0);
    await age('checked_at', '49 hours');
    await sweep();
    expect(await rows('identity.users')).toBe(0);
    expect(await rows('identity.sessions')).toBe(0);
  });

  it('that fails each time does not prevent the completion of others', async () => {
    await expect(request(cutAt('after begin'))).rejects.toBeInstanceOf(Cut);
    const failingId = world.ada;
    const otherId = uuidv7();
    await world.owner.query(
      `insert into identity.users (id, email, email_key, name, password_hash, state)
       values ($1, 'bob', 'bob', 'Bob', 'hash', 'active')`,
      [otherId],
    );
    await world.store.create(userFold, { tenantId: null, aggregate: 'user', id: otherId }, context(), registerUser);
    await createErasureStore(world.pool).claim({ ...ids, userId: otherId, commandId: uuidv7() });
    const real = events();
    const failing: ErasureEvents = {
      ...real,
      eraseUser: async (userId, it) => {
        if (userId === failingId) throw new LogUnavailable('not for this one');
        return real.eraseUser(userId, it);
      },
    };
    const swept = sweepErasures({ store: storeOn(world.projector), events: failing }, 0);
    await expect(swept).rejects.toMatchObject({ errors: [expect.any(LogUnavailable)] });
    expect(await rows('identity.users', `state = 'erased'`)).toBe(1);
    expect(await user()).toMatchObject({ state: 'erasing' });
  });
});
