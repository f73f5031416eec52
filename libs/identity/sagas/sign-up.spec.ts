import fc from 'fast-check';
import type { Pool } from 'pg';
import { createTenant } from '#domain/tenant/decide-tenant';
import { tenantFold } from '#domain/tenant/evolve';
import { registerUser } from '#domain/user/decide';
import { userFold } from '#domain/user/evolve';
import { AggregateStore } from '#event-log/aggregate/aggregate-store';
import { LogUnavailable, START } from '#event-log/port';
import { createPool } from '#platform/database/connections/pools';
import { uuidv7 } from '#platform/ids/uuid';
import { Problem } from '#platform/problems';
import { testAccess } from '#testing/access';
import { createTestDatabase, type TestDatabase } from '#testing/database';
import { InMemoryEventLog } from '#testing/in-memory-event-log';
import { seeds } from '#testing/seeds';
import { createPasswords } from '../passwords';
import { findCredentials } from '../users';
import { type SignUpEvents, signUp, sweepSignUps } from './sign-up';
import { createSignUpStore, type SignUpStore } from './sign-up-store';

/** Ends a sign-up as a crash would: no later step happens. */
class Cut extends Error {}

/** Where a sign-up can be interrupted: before and after each write to the log and to the database. */
const POINTS = ['before tenant', 'after tenant', 'before user', 'after user', 'before complete', 'after complete'];

describe('a sign-up', () => {
  let database: TestDatabase;
  let pool: Pool;
  let projector: Pool;
  let owner: Pool;
  let log: InMemoryEventLog;
  let hashes = 0;
  const passwords = createPasswords(
    { concurrency: 4 },
    {
      hash: async () => {
        hashes++;
        return 'hash';
      },
      verify: async () => true,
    },
  );

  beforeAll(async () => {
    database = await createTestDatabase();
    pool = createPool({ url: database.urls.app, max: 8, applicationName: 'test' });
    projector = createPool({ url: database.urls.projector, max: 4, applicationName: 'test' });
    owner = createPool({ url: database.urls.owner, max: 1, applicationName: 'test' });
  });

  afterAll(async () => {
    await Promise.all([pool.end(), projector.end(), owner.end()]);
    await database.drop();
  });

  beforeEach(async () => {
    log = new InMemoryEventLog();
    hashes = 0;
    await owner.query('truncate identity.users cascade');
  });

  /** Appends both facts, as the application does. */
  const events = (cut: (point: string) => void = () => {}): SignUpEvents => {
    const store = new AggregateStore({ log });
    return {
      createTenant: async ({ tenantId, companyName, slug, userId }, context) => {
        cut('before tenant');
        const stream = { tenantId, aggregate: tenantFold.aggregate, id: tenantId };
        const creation = { name: companyName, slug, ownerId: userId };
        const { position } = await store.create(tenantFold, stream, context, (it) => createTenant(creation, it));
        cut('after tenant');
        return position ?? START;
      },
      registerUser: async (userId, context) => {
        cut('before user');
        const stream = { tenantId: null, aggregate: userFold.aggregate, id: userId };
        const { position } = await store.create(userFold, stream, context, registerUser);
        cut('after user');
        return position ?? START;
      },
    };
  };

  const store = (cut: (point: string) => void = () => {}): SignUpStore => {
    const real = createSignUpStore(pool);
    return {
      ...real,
      complete: async (userId) => {
        cut('before complete');
        await real.complete(userId);
        cut('after complete');
      },
    };
  };

  const cutAt = (point: string) => (at: string) => {
    if (at === point) throw new Cut(at);
  };

  const request = (email: string, commandId = uuidv7()) => ({
    companyName: 'Acme',
    personName: 'Ada',
    email,
    password: 'correct horse battery staple',
    commandId,
    correlationId: 'test',
    access: testAccess(),
  });

  const facts = async () =>
    (await log.readAll({ after: START, limit: 100 })).events.map(({ type, data, stream }) => ({
      type,
      data,
      tenantId: stream.tenantId,
      id: stream.id,
    }));
  const sweep = () => sweepSignUps(createSignUpStore(projector), events(), 0);

  it('creates a user, a tenant and its owner, and lets the user sign in', async () => {
    const it = await signUp(request('Ada@Acme.Example'), { passwords, store: store(), events: events() });
    expect(await facts()).toEqual([
      {
        type: 'TenantCreated',
        data: { name: 'Acme', slug: 'acme', ownerId: it.userId, plan: 'free' },
        tenantId: it.tenantId,
        id: it.tenantId,
      },
      { type: 'UserRegistered', data: {}, tenantId: null, id: it.userId },
    ]);
    expect(await findCredentials(pool, 'ada@ACME.example')).toMatchObject({ userId: it.userId });
    expect(it.position).toBe(await log.head());
  });

  it.each(['ada@acme.example', 'ADA@acme.example', ' ada@acme.example '])(
    'is refused if the address is in use and is written as %j, and hashes the password nevertheless',
    async (email) => {
      const deps = { passwords, store: store(), events: events() };
      await signUp(request('ada@acme.example'), deps);
      const refused = await signUp(request(email), deps).catch((error: unknown) => error);
      expect(refused).toBeInstanceOf(Problem);
      expect(refused).toMatchObject({ problem: 'conflict' });
      expect(hashes).toBe(2);
      expect(await facts()).toHaveLength(2);
    },
  );

  it('is refused while another sign-up has claimed the address', async () => {
    const deps = { passwords, store: store(), events: events(cutAt('before tenant')) };
    await expect(signUp(request('ada@acme.example'), deps)).rejects.toBeInstanceOf(Cut);
    await expect(signUp(request('ada@acme.example'), deps)).rejects.toMatchObject({ problem: 'conflict' });
  });

  it('succeeds once among many that request the same address at the same time', async () => {
    const deps = { passwords, store: store(), events: events() };
    const all = await Promise.allSettled(Array.from({ length: 8 }, () => signUp(request('ada@acme.example'), deps)));
    expect(all.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect(await facts()).toHaveLength(2);
  });

  it.each(POINTS)('interrupted %s is completed by the same request', async (point) => {
    const input = request('ada@acme.example');
    const cut = cutAt(point);
    await expect(signUp(input, { passwords, store: store(cut), events: events(cut) })).rejects.toBeInstanceOf(Cut);
    const active = point === 'after complete';
    expect((await findCredentials(pool, input.email)) !== undefined).toBe(active);
    const it = await signUp(input, { passwords, store: store(), events: events() });
    expect((await facts()).map(({ type }) => type)).toEqual(['TenantCreated', 'UserRegistered']);
    expect(await facts()).toMatchObject([{ tenantId: it.tenantId, data: { ownerId: it.userId } }, { id: it.userId }]);
    expect(await findCredentials(pool, input.email)).toMatchObject({ userId: it.userId });
  });

  it.each(POINTS)('interrupted %s is completed by the sweeper', async (point) => {
    const cut = cutAt(point);
    const input = request('ada@acme.example');
    await expect(signUp(input, { passwords, store: store(cut), events: events(cut) })).rejects.toBeInstanceOf(Cut);
    expect(await sweep()).toBe(point === 'after complete' ? 0 : 1);
    expect((await facts()).map(({ type }) => type)).toEqual(['TenantCreated', 'UserRegistered']);
    expect(await findCredentials(pool, input.email)).toBeDefined();
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
        log = new InMemoryEventLog();
        await owner.query('truncate identity.users cascade');
        const input = request(`ada${++number}@acme.example`);
        for (const { by, cut } of [...attempts, { by: 'request', cut: undefined }]) {
          const at = cut === undefined ? () => {} : cutAt(cut);
          const deps = { passwords, store: store(at), events: events(at) };
          const swept = { ...createSignUpStore(projector), complete: store(at).complete };
          await Promise.allSettled([
            by !== 'sweeper' && signUp(input, deps),
            by !== 'request' && sweepSignUps(swept, events(at), 0),
          ]);
        }
        const [tenant, user, ...more] = await facts();
        expect(more).toEqual([]);
        expect(tenant).toMatchObject({ type: 'TenantCreated', data: { ownerId: user?.id } });
        expect(await findCredentials(pool, input.email)).toMatchObject({ userId: user?.id });
      }),
      { numRuns: seeds(25) },
    );
  }, 600_000);

  it('that fails each time does not prevent the completion of others', async () => {
    const cut = { passwords, store: store(), events: events(cutAt('before tenant')) };
    for (const name of ['bad', 'good']) await signUp(request(`${name}@acme.example`), cut).catch(() => {});
    const bad = (await owner.query(`select id from identity.users where email_key = 'bad@acme.example'`)).rows[0].id;
    const real = events();
    const failing: SignUpEvents = {
      ...real,
      createTenant: async (tenant, context) => {
        if (tenant.userId === bad) throw new LogUnavailable('not for this one');
        return real.createTenant(tenant, context);
      },
    };
    const swept = sweepSignUps(createSignUpStore(projector), failing, 0);
    await expect(swept).rejects.toMatchObject({ errors: [expect.any(LogUnavailable)] });
    expect(await findCredentials(pool, 'good@acme.example')).toBeDefined();
    expect(await findCredentials(pool, 'bad@acme.example')).toBeUndefined();
    // Sign-ups that failed come after those that did not.
    await signUp(request('fresh@acme.example'), cut).catch(() => {});
    const [first] = await createSignUpStore(projector).takeUnfinished(0, 1);
    expect(first?.userId).not.toBe(bad);
  });

  it('is continued by one of several sweepers', async () => {
    const cut = { passwords, store: store(), events: events(cutAt('before tenant')) };
    for (let n = 0; n < 20; n++) await signUp(request(`ada${n}@acme.example`), cut).catch(() => {});
    await owner.query(`update identity.sign_ups set attempted_at = lease.now() - interval '20 seconds'`);
    const all = await Promise.all(Array.from({ length: 4 }, () => createSignUpStore(projector).takeUnfinished(15, 50)));
    expect(all.flat()).toHaveLength(20);
    expect(new Set(all.flat().map(({ userId }) => userId)).size).toBe(20);
  });

  it('is not continued by a sweeper in the first 15 seconds', async () => {
    const cut = { passwords, store: store(), events: events(cutAt('before tenant')) };
    await signUp(request('ada@acme.example'), cut).catch(() => {});
    expect(await sweepSignUps(createSignUpStore(projector), events())).toBe(0);
  });

  it('is kept for 48 hours after it was completed', async () => {
    const input = request('ada@acme.example');
    const deps = { passwords, store: store(), events: events() };
    await signUp(input, deps);
    const age = (hours: number) =>
      owner.query('update identity.sign_ups set completed_at = lease.now() - make_interval(hours => $1)', [hours]);
    await age(47);
    await sweep();
    await expect(signUp(input, deps)).resolves.toBeDefined();
    await age(49);
    await sweep();
    await expect(signUp(input, deps)).rejects.toMatchObject({ problem: 'conflict' });
  });
});
