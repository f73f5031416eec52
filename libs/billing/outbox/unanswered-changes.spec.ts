import type { Pool } from 'pg';
import { createPool } from '#platform/database/connections/pools';
import { uuidv7 } from '#platform/ids/uuid';
import { createTestDatabase, type TestDatabase } from '#testing/database';
import { claimUnansweredChanges } from './unanswered-changes';

describe('changes whose answer did not arrive', () => {
  let database: TestDatabase;
  let pool: Pool;
  let owner: Pool;

  beforeAll(async () => {
    database = await createTestDatabase();
    pool = createPool({ url: database.urls.projector, max: 2, applicationName: 'test' });
    owner = createPool({ url: database.urls.owner, max: 1, applicationName: 'test' });
  });
  afterAll(async () => {
    await Promise.all([pool.end(), owner.end()]);
    await database.drop();
  });

  /** Stores a change that was requested `secondsAgo` and is due. */
  const change = async (tenantId: string, secondsAgo: number, state = 'pending'): Promise<string> => {
    const callId = uuidv7();
    await owner.query(
      `insert into billing.calls (tenant_id, call_id, kind, idempotency_key, params, state, asked_at, due_at)
       values ($1, $2::uuid, 'change', $2::uuid::text, '{}', $3, lease.now() - make_interval(secs => $4), lease.now())`,
      [tenantId, callId, state, secondsAgo],
    );
    return callId;
  };
  const stateOf = async (callId: string): Promise<string> =>
    (await owner.query('select state from billing.calls where call_id = $1', [callId])).rows[0].state;
  const claimed = async (): Promise<string[]> => (await claimUnansweredChanges(pool, 100)).map(({ callId }) => callId);

  it('are each returned to one caller, and again later', async () => {
    const id = await change(uuidv7(), 20);
    expect((await Promise.all([claimed(), claimed()])).flat()).toEqual([id]);
    expect(await claimed()).toEqual([]);
    await owner.query('update billing.calls set due_at = lease.now() where call_id = $1', [id]);
    expect(await claimed()).toEqual([id]);
  });

  it('are not sent again after a later change of the tenant', async () => {
    const tenantId = uuidv7();
    const [earlier, later] = [await change(tenantId, 20), await change(tenantId, 10, 'done')];
    expect(await claimed()).not.toContain(earlier);
    expect([await stateOf(earlier), await stateOf(later)]).toEqual(['failed', 'done']);
  });

  it('are not sent again after an hour, when the user does not expect them any more', async () => {
    const id = await change(uuidv7(), 3_700);
    expect(await claimed()).not.toContain(id);
    expect(await stateOf(id)).toBe('failed');
  });
});
