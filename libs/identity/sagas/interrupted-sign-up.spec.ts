import fc from 'fast-check';
import { LogUnavailable } from '#event-log/port';
import { InMemoryEventLog } from '#testing/in-memory-event-log';
import { seeds } from '#testing/seeds';
import { Cut, POINTS, useSignUps } from '#testing/worlds/sign-up-world';
import { findCredentials } from '../users';
import { type SignUpEvents, signUp, sweepSignUps } from './sign-up';
import { createSignUpStore } from './sign-up-store';

describe('a sign-up', () => {
  const world = useSignUps();
  const { request, cutAt, passwords, store, events, facts, sweep } = world;

  it.each(POINTS)('interrupted %s is completed by the same request', async (point) => {
    const input = request('ada@acme.example');
    const cut = cutAt(point);
    await expect(signUp(input, { passwords, store: store(cut), events: events(cut) })).rejects.toBeInstanceOf(Cut);
    const active = point === 'after complete';
    expect((await findCredentials(world.pool, input.email)) !== undefined).toBe(active);
    const it = await signUp(input, { passwords, store: store(), events: events() });
    expect((await facts()).map(({ type }) => type)).toEqual(['TenantCreated', 'UserRegistered']);
    expect(await facts()).toMatchObject([{ tenantId: it.tenantId, data: { ownerId: it.userId } }, { id: it.userId }]);
    expect(await findCredentials(world.pool, input.email)).toMatchObject({ userId: it.userId });
  });

  it.each(POINTS)('interrupted %s is completed by the sweeper', async (point) => {
    const cut = cutAt(point);
    const input = request('ada@acme.example');
    await expect(signUp(input, { passwords, store: store(cut), events: events(cut) })).rejects.toBeInstanceOf(Cut);
    expect(await sweep()).toBe(point === 'after complete' ? 0 : 1);
    expect((await facts()).map(({ type }) => type)).toEqual(['TenantCreated', 'UserRegistered']);
    expect(await findCredentials(world.pool, input.email)).toBeDefined();
    expect(await sweep()).toBe(0);
  });

  it('is complete after any interruptions, by repeats and sweeps in any order, also at the same time', async () => {
    const attempt = fc.record({
      by: fc.constantFrom('request', 'sweeper', 'both'),
      cut: fc.option(fc.constantFrom(...POINTS), { nil: undefined }),
    });
    let number = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(attempt, { maxLength: 6 }), async (attempts) => {
        world.log = new InMemoryEventLog();
        await world.owner.query('truncate identity.users cascade');
        const input = request(`ada${++number}@acme.example`);
        for (const { by, cut } of [...attempts, { by: 'request', cut: undefined }]) {
          const at = cut === undefined ? () => {} : cutAt(cut);
          const deps = { passwords, store: store(at), events: events(at) };
          const swept = { ...createSignUpStore(world.projector), complete: store(at).complete };
          await Promise.allSettled([
            by !== 'sweeper' && signUp(input, deps),
            by !== 'request' && sweepSignUps(swept, events(at), 0),
          ]);
        }
        const [tenant, user, ...more] = await facts();
        expect(more).toEqual([]);
        expect(tenant).toMatchObject({ type: 'TenantCreated', data: { ownerId: user?.id } });
        expect(await findCredentials(world.pool, input.email)).toMatchObject({ userId: user?.id });
      }),
      { numRuns: seeds(25) },
    );
  }, 600_000);

  it('that fails each time does not prevent the completion of others', async () => {
    const cut = { passwords, store: store(), events: events(cutAt('before tenant')) };
    for (const name of ['bad', 'good']) await signUp(request(`${name}@acme.example`), cut).catch(() => {});
    const bad = (await world.owner.query(`select id from identity.users where email_key = 'bad@acme.example'`)).rows[0]
      .id;
    const real = events();
    const failing: SignUpEvents = {
      ...real,
      createTenant: async (tenant, context) => {
        if (tenant.userId === bad) throw new LogUnavailable('not for this one');
        return real.createTenant(tenant, context);
      },
    };
    const swept = sweepSignUps(createSignUpStore(world.projector), failing, 0);
    await expect(swept).rejects.toMatchObject({ errors: [expect.any(LogUnavailable)] });
    expect(await findCredentials(world.pool, 'good@acme.example')).toBeDefined();
    expect(await findCredentials(world.pool, 'bad@acme.example')).toBeUndefined();
    // Sign-ups that failed come after those that did not.
    await signUp(request('fresh@acme.example'), cut).catch(() => {});
    const [first] = await createSignUpStore(world.projector).takeUnfinished(0, 1);
    expect(first?.userId).not.toBe(bad);
  });

  it('is continued by one of several sweepers', async () => {
    const cut = { passwords, store: store(), events: events(cutAt('before tenant')) };
    for (let n = 0; n < 20; n++) await signUp(request(`ada${n}@acme.example`), cut).catch(() => {});
    await world.owner.query(`update identity.sign_ups set attempted_at = lease.now() - interval '20 seconds'`);
    const all = await Promise.all(
      Array.from({ length: 4 }, () => createSignUpStore(world.projector).takeUnfinished(15, 50)),
    );
    expect(all.flat()).toHaveLength(20);
    expect(new Set(all.flat().map(({ userId }) => userId)).size).toBe(20);
  });

  it('is not continued by a sweeper in the first 15 seconds', async () => {
    const cut = { passwords, store: store(), events: events(cutAt('before tenant')) };
    await signUp(request('ada@acme.example'), cut).catch(() => {});
    expect(await sweepSignUps(createSignUpStore(world.projector), events())).toBe(0);
  });

  it('is kept for 48 hours after it was completed', async () => {
    const input = request('ada@acme.example');
    const deps = { passwords, store: store(), events: events() };
    await signUp(input, deps);
    const age = (hours: number) =>
      world.owner.query('update identity.sign_ups set completed_at = lease.now() - make_interval(hours => $1)', [
        hours,
      ]);
    await age(47);
    await sweep();
    await expect(signUp(input, deps)).resolves.toBeDefined();
    await age(49);
    await sweep();
    await expect(signUp(input, deps)).rejects.toMatchObject({ problem: 'conflict' });
  });
});
