import fc from 'fast-check';
import type { Pool } from 'pg';
import { accessJson } from '#access/access';
import { removeMember } from '#domain/tenant/decide-members';
import type { TenantEvent } from '#domain/tenant/events';
import { memberOf, tenantFold } from '#domain/tenant/evolve';
import { entries } from '#domain/tenant/persistent-map';
import type { Role } from '#domain/tenant/roles';
import { eraseUser, registerUser } from '#domain/user/decide';
import { userFold } from '#domain/user/evolve';
import { AggregateStore } from '#event-log/aggregate/aggregate-store';
import { LogUnavailable, START } from '#event-log/port';
import { createPool } from '#platform/database/connections/pools';
import { uuidv7 } from '#platform/ids/uuid';
import { testAccess } from '#testing/access';
import { createTestDatabase, type TestDatabase } from '#testing/database';
import { InMemoryEventLog } from '#testing/in-memory-event-log';
import { seeds } from '#testing/seeds';
import { type ErasureEvents, erase, sweepErasures } from './erasure';
import { createErasureStore, type ErasureStore } from './erasure-store';

/** Ends an erasure as a crash would: no later step happens. */
class Cut extends Error {}

/** Where an erasure can be interrupted: before and after each write to the log and to the database. */
const POINTS = ['after begin', 'before leave', 'after leave', 'before user', 'after user', 'before erase', 'end'];
type CutAt = (point: string) => void;
const nowhere: CutAt = () => {};
const cutAt =
  (point: string): CutAt =>
  (at) => {
    if (at === point) throw new Cut(at);
  };

describe('an erasure', () => {
  let database: TestDatabase;
  let pool: Pool;
  let projector: Pool;
  let owner: Pool;
  let log: InMemoryEventLog;
  let store: AggregateStore;
  let ada: string;
  let tenantIds: string[];

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

  const streamOf = (tenantId: string) => ({ tenantId, aggregate: tenantFold.aggregate, id: tenantId });
  const context = (commandId = uuidv7()) => ({ commandId, actor: { kind: 'system' }, correlationId: 'test' }) as const;
  const append = (tenantId: string, ...events: TenantEvent[]) =>
    log.append({ stream: streamOf(tenantId), expected: 'any', events, ...context() });
  const join = (tenantId: string, userId: string, role: Role) =>
    append(tenantId, { type: 'MemberJoined', data: { userId, role, invitationId: uuidv7(), use: 1 } });

  /** Creates a tenant with another owner, and makes Ada a member of it. */
  const createTenantWithAda = async (role: Role = 'member'): Promise<string> => {
    const tenantId = uuidv7();
    const data = { name: `Tenant ${tenantIds.length + 1}`, slug: 'acme', ownerId: uuidv7(), plan: 'free' } as const;
    await append(tenantId, { type: 'TenantCreated', data });
    await join(tenantId, ada, role);
    tenantIds.push(tenantId);
    return tenantId;
  };

  /** Creates Ada with two tenants, a session and a stored answer to one of her requests. */
  const createAda = async (): Promise<void> => {
    log = new InMemoryEventLog();
    store = new AggregateStore({ log });
    tenantIds = [];
    await owner.query('truncate identity.users cascade');
    ada = uuidv7();
    await owner.query(
      `insert into identity.users (id, email, email_key, name, password_hash, state)
       values ($1, 'Ada@acme.example', 'ada@acme.example', 'Ada', 'hash', 'active')`,
      [ada],
    );
    await store.create(userFold, { tenantId: null, aggregate: 'user', id: ada }, context(), registerUser);
    await createTenantWithAda('owner');
    const second = await createTenantWithAda();
    await owner.query(
      `select identity.open_session($1, $2, $3, 1, '\\x01', 30, $4, '\\x02', 1, null, 100, 'password')`,
      [uuidv7(), ada, second, accessJson(testAccess())],
    );
    for (const userId of [ada, uuidv7()]) {
      await owner.query(
        `insert into idempotency.keys (tenant_id, key_id, command_id, request_hash, attempt, created_at, leased_until, status, answer, user_id)
         values ($1, $2, $2, '', 1, now(), now(), 200, '', $3)`,
        [second, uuidv7(), userId],
      );
    }
  };
  beforeEach(async () => {
    await owner.query('truncate idempotency.keys');
    await createAda();
  });

  const events = (cut: CutAt = nowhere): ErasureEvents => ({
    catchUp: async () => undefined,
    membershipsOf: async (userId) => {
      const listed = await Promise.all(
        tenantIds.map(async (tenantId) => {
          const { state } = await store.load(tenantFold, streamOf(tenantId));
          const member = memberOf(state, userId);
          if (state.status !== 'open' || !member) return [];
          const soleOwner = member.role === 'owner' && state.owners === 1;
          return [{ tenantId, companyName: state.name, role: member.role, soleOwner }];
        }),
      );
      return listed.flat();
    },
    leave: async (tenantId, userId, it) => {
      cut('before leave');
      const removal = { by: userId, userId, reason: 'erased', at: new Date().toISOString() } as const;
      await store.execute(tenantFold, streamOf(tenantId), it, (tenant) => removeMember(removal, tenant));
      cut('after leave');
    },
    eraseUser: async (userId, it) => {
      cut('before user');
      const stream = { tenantId: null, aggregate: userFold.aggregate, id: userId };
      const { position } = await store.execute(userFold, stream, it, eraseUser);
      cut('after user');
      return position;
    },
  });
  const storeOn = (on: Pool, cut: CutAt = nowhere): ErasureStore => {
    const real = createErasureStore(on);
    return {
      ...real,
      claim: async (request) => {
        const begun = await real.claim(request);
        cut('after begin');
        return begun;
      },
      complete: async (userId) => {
        cut('before erase');
        const ended = await real.complete(userId);
        cut('end');
        return ended;
      },
    };
  };

  const ids = { commandId: uuidv7(), correlationId: 'test', accessId: uuidv7() };
  const request = (cut?: CutAt) => erase({ userId: ada, ...ids }, { store: storeOn(pool, cut), events: events(cut) });
  const sweep = (cut?: CutAt) => sweepErasures({ store: storeOn(projector, cut), events: events(cut) }, 0);

  const facts = async () =>
    (await log.readAll({ after: START, limit: 1_000 })).events
      .map(({ type, stream, data }) => ({ type, stream: stream.id, user: data['userId'] ?? stream.id }))
      .filter(({ type, user }) => user === ada && /Removed|Erased/.test(type));
  const user = async () => (await owner.query('select * from identity.users where id = $1', [ada])).rows[0];
  const rows = async (table: string, where = 'true'): Promise<number> =>
    (await owner.query(`select count(*)::integer as n from ${table} where ${where}`)).rows[0].n;

  const expectErased = async (): Promise<void> => {
    expect(await user()).toMatchObject({ state: 'erased', name: '', email: '', password_hash: '' });
    expect((await user()).email_key).not.toContain('acme');
    const { rows: sessions } = await owner.query('select * from identity.sessions');
    for (const session of sessions) expect(session).toMatchObject({ ended_at: expect.any(Date), network: null });
    const { rows: records } = await owner.query('select * from access.records where user_id = $1', [ada]);
    expect(records.length).toBeGreaterThan(0);
    for (const record of records)
      expect(record).toMatchObject({ kind: 'session', address: null, user_agent: null, erased_at: expect.any(Date) });
    expect(await rows('identity.refresh_tokens')).toBe(0);
    expect(await rows('idempotency.keys')).toBe(1);
    expect(await rows('idempotency.keys', `user_id = '${ada}'`)).toBe(0);
    for (const tenantId of tenantIds)
      expect(memberOf((await store.load(tenantFold, streamOf(tenantId))).state, ada)).toBeUndefined();
  };

  it('ends every membership, then appends UserErased, then deletes the personal data', async () => {
    const { endedSessions, position } = await request();
    expect((await facts()).map(({ type, stream }) => [type, stream])).toEqual([
      ['MemberRemoved', tenantIds[0]],
      ['MemberRemoved', tenantIds[1]],
      ['UserErased', ada],
    ]);
    expect(endedSessions).toHaveLength(1);
    expect(position).toBe(await log.head());
    await expectErased();
  });

  it('leaves the address to other users', async () => {
    await request();
    const insertion = `insert into identity.users (id, email, email_key, name, password_hash) values ($1, 'x', 'ada@acme.example', 'x', '')`;
    await owner.query(insertion, [uuidv7()]);
  });

  /** Makes Ada the only member of the tenant. */
  const removeOthers = async (tenantId: string): Promise<void> => {
    const { state } = await store.load(tenantFold, streamOf(tenantId));
    for (const [userId] of state.status === 'open' ? entries(state.members) : [])
      if (userId !== ada) await append(tenantId, { type: 'MemberRemoved', data: { userId, reason: 'left' } });
  };

  it('is refused with the name of the tenant while the user is its only owner, and changes nothing', async () => {
    const tenantId = tenantIds[0] ?? '';
    await removeOthers(tenantId);
    await expect(request()).rejects.toMatchObject({
      problem: 'conflict',
      message: expect.stringContaining('Tenant 1'),
    });
    expect(await facts()).toEqual([]);
    expect(await user()).toMatchObject({ state: 'active', name: 'Ada' });
    await append(tenantId, { type: 'TenantClosed', data: { eraseAfter: '2027-01-01T00:00:00.000Z' } });
    await request();
    await expectErased();
  });

  it('is canceled before personal data is deleted if the user becomes the only owner in the meantime', async () => {
    const real = storeOn(pool);
    const late: ErasureStore = {
      ...real,
      claim: async (request) => {
        const begun = await real.claim(request);
        await removeOthers(tenantIds[0] ?? '');
        return begun;
      },
    };
    const refused = erase({ userId: ada, ...ids }, { store: late, events: events() });
    await expect(refused).rejects.toMatchObject({ problem: 'conflict', message: expect.stringContaining('Tenant 1') });
    expect(await facts()).toEqual([]);
    expect(await user()).toMatchObject({ state: 'active', name: 'Ada', email: 'Ada@acme.example' });
    expect(await rows('identity.erasures')).toBe(0);
    expect(await rows('identity.sessions', 'ended_at is null')).toBe(1);
  });

  it('is canceled by the sweeper if the user is the only owner of a tenant by then', async () => {
    await expect(request(cutAt('after begin'))).rejects.toBeInstanceOf(Cut);
    await removeOthers(tenantIds[0] ?? '');
    expect(await sweep()).toBe(1);
    expect(await user()).toMatchObject({ state: 'active', name: 'Ada' });
    expect(await sweep()).toBe(0);
  });

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

  it('refuses sign-ins and sessions of the user until it is completed', async () => {
    await expect(request(cutAt('after begin'))).rejects.toBeInstanceOf(Cut);
    const { rows: credentials } = await pool.query(`select * from identity.find_credentials('ada@acme.example', null)`);
    expect(credentials).toEqual([]);
    const { rows: opened } = await pool.query(
      `select identity.open_session($1, $2, $3, 1, '\\x03', 30, null, null, 1, null, 100, 'password') as ended`,
      [uuidv7(), ada, tenantIds[1]],
    );
    expect(opened).toEqual([{ ended: null }]);
  });

  it('is complete after any interruptions, by repeats and sweeps in any order, also at the same time', async () => {
    const attempt = fc.record({
      by: fc.constantFrom('request', 'sweeper', 'both'),
      cut: fc.option(fc.constantFrom(...POINTS), { nil: undefined }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(attempt, { maxLength: 6 }), async (attempts) => {
        await owner.query('truncate idempotency.keys');
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
    await join(tenantIds[0] ?? '', ada, 'member');
    await owner.query(`select identity.open_session($1, $2, $3, 1, '\\x04', 30, $4, null, 1, null, 100, 'password')`, [
      uuidv7(),
      ada,
      tenantIds[1],
      accessJson(testAccess({ userAgent: 'late' })),
    ]);
    const age = (column: string, interval: string) =>
      owner.query(`update identity.erasures set ${column} = ${column} - interval '${interval}'`);
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

  it('that finds its user as the only owner of a tenant a minute later reports it once, and ends', async () => {
    await request();
    const tenantId = tenantIds[0] ?? '';
    await join(tenantId, ada, 'owner');
    await removeOthers(tenantId);
    await owner.query(`update identity.erasures set erased_at = erased_at - interval '61 seconds'`);
    const orphans: string[][] = [];
    const onOrphan = (...found: string[]) => void orphans.push(found);
    const deps = { store: storeOn(projector), events: events(), onOrphan };
    expect(await sweepErasures(deps, 0)).toBe(1);
    expect(await sweepErasures(deps, 0)).toBe(0);
    expect(orphans).toEqual([[tenantId, ada]]);
    expect(await user()).toMatchObject({ state: 'erased' });
  });

  it('that fails each time does not prevent the completion of others', async () => {
    await expect(request(cutAt('after begin'))).rejects.toBeInstanceOf(Cut);
    const failingId = ada;
    const otherId = uuidv7();
    await owner.query(
      `insert into identity.users (id, email, email_key, name, password_hash, state)
       values ($1, 'bob', 'bob', 'Bob', 'hash', 'active')`,
      [otherId],
    );
    await store.create(userFold, { tenantId: null, aggregate: 'user', id: otherId }, context(), registerUser);
    await createErasureStore(pool).claim({ ...ids, userId: otherId, commandId: uuidv7() });
    const real = events();
    const failing: ErasureEvents = {
      ...real,
      eraseUser: async (userId, it) => {
        if (userId === failingId) throw new LogUnavailable('not for this one');
        return real.eraseUser(userId, it);
      },
    };
    const swept = sweepErasures({ store: storeOn(projector), events: failing }, 0);
    await expect(swept).rejects.toMatchObject({ errors: [expect.any(LogUnavailable)] });
    expect(await rows('identity.users', `state = 'erased'`)).toBe(1);
    expect(await user()).toMatchObject({ state: 'erasing' });
  });
});
