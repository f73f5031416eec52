import type { Pool } from 'pg';
import { createPool } from '#platform/database/connections/pools';
import { uuidv7 } from '#platform/ids/uuid';
import { testAccess } from '#testing/access';
import { createTestDatabase, type TestDatabase } from '#testing/database';
import { SYSTEM_ACCESS } from './access';
import { createAccessRecords, eraseUnusedAccess, openAccessRecords } from './access-records';

describe('access records', () => {
  let database: TestDatabase;
  let pool: Pool;
  let projector: Pool;
  let owner: Pool;

  beforeAll(async () => {
    database = await createTestDatabase();
    pool = createPool({ url: database.urls.app, max: 4, applicationName: 'test' });
    projector = createPool({ url: database.urls.projector, max: 1, applicationName: 'test' });
    owner = createPool({ url: database.urls.owner, max: 1, applicationName: 'test' });
  });
  afterEach(() => jest.restoreAllMocks());
  afterAll(async () => {
    await Promise.all([pool.end(), projector.end(), owner.end()]);
    await database.drop();
  });

  const stored = async (id: string) =>
    (await owner.query('select * from access.records where id = $1', [id])).rows[0] as { [column: string]: unknown };

  it('are stored before their id is returned, with the credential and the client', async () => {
    const [access, userId] = [testAccess(), uuidv7()];
    const id = await createAccessRecords({ pool }).find(access, userId);
    expect(await stored(id)).toMatchObject({
      ...{ kind: 'session', credential_id: access.credentialId, user_id: userId },
      ...{ address: access.address, user_agent: access.userAgent, erased_at: null },
    });
  });

  it('are found in memory the second time, without a query', async () => {
    const records = createAccessRecords({ pool });
    const [access, userId] = [testAccess(), uuidv7()];
    const id = await records.find(access, userId);
    const connect = jest.spyOn(pool, 'connect');
    expect(records.find({ ...access }, userId)).toBe(id);
    expect(connect).not.toHaveBeenCalled();
  });

  it.each([
    ['credential', { credentialId: uuidv7() }],
    ['address', { address: '2001:db8::1' }],
    ['user agent', { userAgent: 'curl/8.5.0' }],
    ['missing user agent', { userAgent: null }],
    ['kind', { kind: 'api-key' as const }],
  ])('differ for another %s', async (_, other) => {
    const records = createAccessRecords({ pool });
    const access = testAccess();
    expect(await records.find({ ...access, ...other }, null)).not.toBe(await records.find(access, null));
  });

  it('are the same for all processes, also if they store them at the same time', async () => {
    const [access, userId] = [testAccess({ userAgent: null }), uuidv7()];
    const processes = Array.from({ length: 8 }, () => createAccessRecords({ pool }));
    const ids = await Promise.all(processes.flatMap(({ find }) => [find(access, userId), find(access, userId)]));
    expect(new Set(ids).size).toBe(1);
    const system = await Promise.all(processes.map(({ find }) => find(SYSTEM_ACCESS, null)));
    expect(new Set(system).size).toBe(1);
  });

  it('move the time of their last use at most once a minute', async () => {
    let clock = 0;
    const records = createAccessRecords({ pool, now: () => clock });
    const access = testAccess();
    const id = await records.find(access, null);
    await owner.query(`update access.records set last_seen = last_seen - interval '1 hour' where id = $1`, [id]);
    const { last_seen: before } = await stored(id);
    clock = 59_999;
    expect(records.find(access, null)).toBe(id);
    clock = 60_000;
    expect(records.find(access, null)).toBe(id);
    // A second search while the time is being stored starts no second query.
    expect(records.find(access, null)).toBe(id);
    for (let seen = before; seen === before || `${seen}` === `${before}`; ) ({ last_seen: seen } = await stored(id));
  });

  it('are stored again if the database went back to a copy without them', async () => {
    const records = createAccessRecords({ pool });
    const access = testAccess();
    const lost = await records.find(access, null);
    await owner.query('delete from access.records where id = $1', [lost]);
    records.clear();
    const found = await records.find(access, null);
    expect(found).not.toBe(lost);
    expect(await stored(found)).toMatchObject({ credential_id: access.credentialId });
  });

  it('are searched for again after the history changed, also if an answer of the old database arrives later', async () => {
    const log = { onHistoryChange: jest.fn() };
    const records = openAccessRecords(log, { pool });
    const access = testAccess();
    const answer = records.find(access, null);
    for (const [changed] of log.onHistoryChange.mock.calls) changed();
    const lost = await answer;
    await owner.query('delete from access.records where id = $1', [lost]);
    expect(await records.find(access, null)).not.toBe(lost);
  });

  it('are searched for again after the database was not available', async () => {
    const records = createAccessRecords({ pool });
    const access = testAccess();
    const outage = jest.spyOn(pool, 'connect').mockImplementation(() => Promise.reject(new Error('not available')));
    await expect(records.find(access, null)).rejects.toThrow('not available');
    outage.mockRestore();
    expect(await stored(await records.find(access, null))).toBeDefined();
  });

  it('that were used least recently leave the memory first', async () => {
    const records = createAccessRecords({ pool, capacity: 2 });
    const [one, two, three] = [testAccess(), testAccess(), testAccess()];
    for (const access of [one, two, three]) await records.find(access, null);
    expect(records.find(three, null)).toEqual(expect.any(String));
    expect(records.find(two, null)).toEqual(expect.any(String));
    const again = records.find(one, null);
    expect(again).toBeInstanceOf(Promise);
    await again;
  });

  it('are visible to their user alone', async () => {
    const [ada, bob] = [uuidv7(), uuidv7()];
    const records = createAccessRecords({ pool });
    for (const userId of [ada, bob, null]) await records.find(testAccess(), userId);
    const client = await pool.connect();
    try {
      await client.query('begin');
      await client.query(`select set_config('app.user_id', $1, true)`, [ada]);
      const { rows } = await client.query('select user_id from access.records');
      expect(rows).toEqual([{ user_id: ada }]);
      await expect(client.query('update access.records set user_id = null')).rejects.toThrow('permission denied');
    } finally {
      await client.query('rollback');
      client.release();
    }
  });

  it('lose address and user agent after the time of retention, and a later use gets a new record', async () => {
    const records = createAccessRecords({ pool });
    const [old, recent] = [testAccess(), testAccess()];
    const [oldId, recentId] = [await records.find(old, null), await records.find(recent, null)];
    const age = (id: string, days: number) =>
      owner.query('update access.records set last_seen = now() - make_interval(days => $2) where id = $1', [id, days]);
    await age(oldId, 401);
    await age(recentId, 399);
    // The clock of a process or of the database that is ahead erases nothing: the earlier one counts.
    expect(await eraseUnusedAccess(projector, 400, 10, new Date(Date.now() - 10 * 86_400_000))).toBe(0);
    expect(await eraseUnusedAccess(projector, 400, 10, new Date(Date.now() + 10 * 86_400_000))).toBe(1);
    expect(await eraseUnusedAccess(projector, 400, 10)).toBe(0);
    expect(await stored(oldId)).toMatchObject({ address: null, user_agent: null, credential_id: old.credentialId });
    expect(await stored(recentId)).toMatchObject({ address: recent.address });
    expect(await createAccessRecords({ pool }).find(old, null)).not.toBe(oldId);
  });
});
