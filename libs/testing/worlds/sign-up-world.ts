import type { Pool } from 'pg';
import { createTenant } from '#domain/tenant/decide-tenant';
import { tenantFold } from '#domain/tenant/evolve';
import { registerUser } from '#domain/user/decide';
import { userFold } from '#domain/user/evolve';
import { AggregateStore } from '#event-log/aggregate/aggregate-store';
import { START } from '#event-log/port';
import { createPasswords } from '#identity/passwords';
import { type SignUpEvents, sweepSignUps } from '#identity/sagas/sign-up';
import { createSignUpStore, type SignUpStore } from '#identity/sagas/sign-up-store';
import { createPool } from '#platform/database/connections/pools';
import { uuidv7 } from '#platform/ids/uuid';
import { testAccess } from '../access';
import { createTestDatabase, type TestDatabase } from '../database';
import { InMemoryEventLog } from '../in-memory-event-log';

/** Ends a sign-up as a crash would: no later step happens. */
export class Cut extends Error {}

/** Where a sign-up can be interrupted: before and after each write to the log and to the database. */
export const POINTS = [
  'before tenant',
  'after tenant',
  'before user',
  'after user',
  'before complete',
  'after complete',
];

/** Opens a database and a log for specs of sign-ups. Both are empty before each spec. */
export const useSignUps = () => {
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

  return {
    request,
    passwords,
    store,
    events,
    facts,
    cutAt,
    sweep,
    get pool() {
      return pool;
    },
    get log() {
      return log;
    },
    set log(value) {
      log = value;
    },
    get hashes() {
      return hashes;
    },
    get owner() {
      return owner;
    },
    get projector() {
      return projector;
    },
  };
};
