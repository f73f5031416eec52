import type { Pool } from 'pg';
import { createPool } from '#platform/database/connections/pools';
import { uuidv7 } from '#platform/ids/uuid';
import { testAccess } from '#testing/access';
import { createTestDatabase, type TestDatabase } from '#testing/database';
import { shiftClock } from '#testing/shifted-clock';
import { createErasureStore } from './sagas/erasure-store';
import { createJoinStore } from './sagas/join-store';
import { createSignUpStore } from './sagas/sign-up-store';

/** Seconds without an attempt after which the sweepers of this test continue a saga. */
const OLDER_SECONDS = 15;

interface Claim {
  readonly userId: string;
}

/** A saga that a request begins and a sweeper completes. */
interface SweptSaga {
  /** As a request does it. @param pool connects as the app role */
  begin(pool: Pool, userId: string): Promise<unknown>;
  /** As a sweeper does it. @param pool connects as the projector */
  take(pool: Pool): Promise<readonly Claim[]>;
}

const claimOf = (userId: string) => ({
  ...{ userId, email: 'ada@acme.example', emailKey: 'ada@acme.example', personName: 'Ada', passwordHash: 'hash' },
  ...{ tenantId: uuidv7(), commandId: uuidv7(), correlationId: 'test', access: testAccess() },
});

const SAGAS: Readonly<Record<string, SweptSaga>> = {
  'a sign-up': {
    begin: (pool, userId) => createSignUpStore(pool).claim({ ...claimOf(userId), companyName: 'Acme', slug: 'acme' }),
    take: (pool) => createSignUpStore(pool).takeUnfinished(OLDER_SECONDS, 10),
  },
  'a join': {
    begin: (pool, userId) =>
      createJoinStore(pool).claim({ ...claimOf(userId), tokenHash: 'hash', emailDomain: 'acme.example' }),
    take: (pool) => createJoinStore(pool).takeUnfinished(OLDER_SECONDS, 10),
  },
  'an erasure': {
    begin: (pool, userId) =>
      createErasureStore(pool).claim({ userId, commandId: uuidv7(), correlationId: 'test', accessId: null }),
    take: (pool) => createErasureStore(pool).takeUnfinished(OLDER_SECONDS, 10),
  },
};

describe("a saga that a request has begun, while the database's clock is set,", () => {
  let database: TestDatabase;
  let owner: Pool;
  let app: Pool;
  let projector: Pool;
  let shifted: Awaited<ReturnType<typeof shiftClock>>;
  let userId: string;

  beforeAll(async () => {
    database = await createTestDatabase();
    owner = createPool({ url: database.urls.owner, max: 1, applicationName: 'test' });
    app = createPool({ url: database.urls.app, max: 1, applicationName: 'test' });
    projector = createPool({ url: database.urls.projector, max: 1, applicationName: 'test' });
    shifted = await shiftClock(owner);
  });
  beforeEach(async () => {
    userId = uuidv7();
    await shifted.by('0');
    await owner.query('truncate identity.users cascade');
  });
  afterAll(async () => {
    await Promise.all([owner, app, projector].map((pool) => pool.end()));
    await database.drop();
  });

  const passLeaseTime = (interval: string) => owner.query(`update lease.clock set at = at + $1::interval`, [interval]);
  const begin = async (kind: string): Promise<void> => {
    if (kind === 'an erasure')
      await owner.query(
        `insert into identity.users (id, email, email_key, name, password_hash, state)
         values ($1, 'ada', 'ada', 'Ada', 'hash', 'active')`,
        [userId],
      );
    await SAGAS[kind]?.begin(app, userId);
  };
  const countTaken = async (kind: string): Promise<number> => (await SAGAS[kind]?.take(projector))?.length ?? 0;
  const cases = Object.keys(SAGAS).flatMap((kind) =>
    [
      ['ahead', '10 minutes'],
      ['behind', '-10 minutes'],
    ].map(([side, by]) => [kind, side, by] as [string, string, string]),
  );

  it.each(cases)('%s is continued in time if the clock was ten minutes %s when it began', async (kind, _, by) => {
    await shifted.by(by);
    await begin(kind);
    await shifted.by('0');
    expect(await countTaken(kind)).toBe(0);
    await passLeaseTime('16 seconds');
    expect(await countTaken(kind)).toBe(1);
  });

  it.each(cases)('%s is not continued by a sweeper if the clock is then set ten minutes %s', async (kind, _, by) => {
    await begin(kind);
    await shifted.by(by);
    expect(await countTaken(kind)).toBe(0);
    await passLeaseTime('16 seconds');
    expect(await countTaken(kind)).toBe(1);
    await shifted.by('0');
    expect(await countTaken(kind)).toBe(0);
  });

  it.each([
    ['ahead', '10 minutes'],
    ['behind', '-10 minutes'],
  ])('an erasure is repeated a minute later if the clock was ten minutes %s', async (_, by) => {
    const store = createErasureStore(projector);
    await begin('an erasure');
    await shifted.by(by);
    await store.complete(userId);
    await shifted.by('0');
    await passLeaseTime('50 seconds');
    expect(await store.takeUnfinished(OLDER_SECONDS, 10)).toEqual([]);
    await passLeaseTime('11 seconds');
    expect(await store.takeUnfinished(OLDER_SECONDS, 10)).toHaveLength(1);
    await store.complete(userId);
    await passLeaseTime('1 hour');
    expect(await store.takeUnfinished(OLDER_SECONDS, 10)).toEqual([]);
  });
});
