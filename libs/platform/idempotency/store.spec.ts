import type { Pool } from 'pg';
import { createTestDatabase, type TestDatabase } from '#testing/database';
import { shiftClock } from '#testing/shifted-clock';
import { createPool } from '../database/connections/pools';
import { uuidv7 } from '../ids/uuid';
import { createPostgresIdempotencyStore, type IdempotencyClaim, type IdempotencyStore } from './store';

const answerOf = (text: string) => ({
  ...{ status: 201, answer: Buffer.from(text), userId: undefined, tokenHash: undefined },
});

describe('the claim of a process that died on an idempotency key', () => {
  let database: TestDatabase;
  let app: Pool;
  let owner: Pool;
  let shifted: Awaited<ReturnType<typeof shiftClock>>;
  let store: IdempotencyStore;

  beforeAll(async () => {
    database = await createTestDatabase();
    app = createPool({ url: database.urls.app, max: 2, applicationName: 'test' });
    owner = createPool({ url: database.urls.owner, max: 1, applicationName: 'test' });
    shifted = await shiftClock(owner);
    store = createPostgresIdempotencyStore(app);
  });
  afterEach(() => shifted.by('0'));
  afterAll(async () => {
    await Promise.all([app.end(), owner.end()]);
    await database.drop();
  });

  const newClaim = (): IdempotencyClaim => ({
    ...{ tenantId: uuidv7(), keyId: uuidv7(), commandId: uuidv7(), requestHash: Buffer.from('request') },
  });
  const passLeaseTime = () => owner.query(`update lease.clock set at = at + interval '16 seconds'`);

  it.each([
    ['ten minutes ahead during the claim', '10 minutes', '0'],
    ['set back by ten minutes after the claim', '0', '-10 minutes'],
  ])('expires after its lease time and not before, where the clock was %s', async (_, before, after) => {
    const claim = newClaim();
    await shifted.by(before);
    expect(await store.claim(claim)).toMatchObject({ outcome: 'claimed', attempt: 1 });
    await shifted.by(after);
    expect(await store.claim(claim)).toEqual({ outcome: 'busy' });
    await passLeaseTime();
    expect(await store.claim(claim)).toMatchObject({ outcome: 'claimed', attempt: 2, commandId: claim.commandId });
  });

  it('does not expire where the clock is set ahead while its process lives', async () => {
    const claim = newClaim();
    await store.claim(claim);
    await shifted.by('10 minutes');
    expect(await store.claim(claim)).toEqual({ outcome: 'busy' });
  });

  it.each([
    ['set back by 400 days during the claim', '-400 days', '0'],
    ['400 days ahead after the claim', '0', '400 days'],
  ])('keeps its command for 24 hours, where the clock was %s', async (_, before, after) => {
    const claim = newClaim();
    const { tenantId, keyId, commandId } = claim;
    await shifted.by(before);
    await store.claim(claim);
    await store.settle({ tenantId, keyId, attempt: 1 }, undefined);
    await shifted.by(after);
    expect(await store.purge()).toBe(0);
    // With another command, the repeated request would take effect a second time.
    expect(await store.claim({ ...claim, commandId: uuidv7() })).toMatchObject({ outcome: 'claimed', commandId });
  });

  it('belongs to no user any more when its key is used again after 24 hours', async () => {
    const claim = newClaim();
    const { tenantId, keyId } = claim;
    await store.claim(claim);
    await store.settle({ tenantId, keyId, attempt: 1 }, { ...answerOf('answer'), userId: uuidv7() });
    await owner.query(`update idempotency.keys set created_at = created_at - interval '25 hours' where key_id = $1`, [
      keyId,
    ]);
    expect(await store.claim(claim)).toMatchObject({ outcome: 'claimed', attempt: 2 });
    const { rows } = await owner.query('select user_id from idempotency.keys where key_id = $1', [keyId]);
    expect(rows).toEqual([{ user_id: null }]);
  });

  it('cannot be settled by its process after another process has claimed the key', async () => {
    const claim = newClaim();
    const { tenantId, keyId } = claim;
    await store.claim(claim);
    await passLeaseTime();
    await store.claim(claim);
    await store.settle({ tenantId, keyId, attempt: 1 }, answerOf('late'));
    expect(await store.claim(claim)).toEqual({ outcome: 'busy' });
    await store.settle({ tenantId, keyId, attempt: 2 }, answerOf('right'));
    expect(await store.claim(claim)).toMatchObject({
      ...{ outcome: 'answered', status: 201, answer: Buffer.from('right'), attempt: 2 },
    });
    await store.discard({ tenantId, keyId, attempt: 1 });
    expect(await store.claim(claim)).toMatchObject({ outcome: 'answered' });
    await store.discard({ tenantId, keyId, attempt: 2 });
    expect(await store.claim(claim)).toMatchObject({ outcome: 'claimed', attempt: 3, commandId: claim.commandId });
  });
});
