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
import { START } from '#event-log/port';
import { type ErasureEvents, erase, sweepErasures } from '#identity/sagas/erasure';
import { createErasureStore, type ErasureStore } from '#identity/sagas/erasure-store';
import { createPool } from '#platform/database/connections/pools';
import { uuidv7 } from '#platform/ids/uuid';
import { testAccess } from '../access';
import { createTestDatabase, type TestDatabase } from '../database';
import { InMemoryEventLog } from '../in-memory-event-log';

/** Ends an erasure as a crash would: no later step happens. */
export class Cut extends Error {}

/** Where an erasure can be interrupted: before and after each write to the log and to the database. */
export const POINTS = [
  'after begin',
  'before leave',
  'after leave',
  'before user',
  'after user',
  'before erase',
  'end',
];
type CutAt = (point: string) => void;
export const nowhere: CutAt = () => {};
export const cutAt =
  (point: string): CutAt =>
  (at) => {
    if (at === point) throw new Cut(at);
  };

/** Opens a database and a log for specs of erasures. Before each spec, the user Ada is a member of some tenants. */
export const useErasures = () => {
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

  /** Makes Ada the only member of the tenant. */
  const removeOthers = async (tenantId: string): Promise<void> => {
    const { state } = await store.load(tenantFold, streamOf(tenantId));
    for (const [userId] of state.status === 'open' ? entries(state.members) : [])
      if (userId !== ada) await append(tenantId, { type: 'MemberRemoved', data: { userId, reason: 'left' } });
  };

  return {
    request,
    facts,
    expectErased,
    removeOthers,
    user,
    append,
    storeOn,
    ids,
    events,
    rows,
    sweep,
    createAda,
    join,
    context,
    get tenantIds() {
      return tenantIds;
    },
    get ada() {
      return ada;
    },
    get log() {
      return log;
    },
    get owner() {
      return owner;
    },
    get pool() {
      return pool;
    },
    get projector() {
      return projector;
    },
    get store() {
      return store;
    },
  };
};
