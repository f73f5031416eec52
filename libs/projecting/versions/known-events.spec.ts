import type { Pool } from 'pg';
import { createTestDatabase, type TestDatabase } from '#testing/database';
import { createProjectorPool } from '../projector-pool';
import { recordKnownEvents } from './known-events';

describe('the event types that releases know', () => {
  let database: TestDatabase;
  let pool: Pool;
  beforeAll(async () => {
    database = await createTestDatabase();
    pool = createProjectorPool({ url: database.urls.projector, max: 1 });
  });
  afterAll(async () => {
    await pool.end();
    await database.drop();
  });

  const old = ['NoteWritten'];
  const newer = ['NoteWritten', 'NoteBurnt'];
  const upcasters = { NoteWritten: [(data: object) => data as never] };

  it('are recorded, so that an older release that is deployed again can list the ones that it does not know', async () => {
    expect(await recordKnownEvents(pool, old, {})).toEqual([]);
    expect(await recordKnownEvents(pool, newer, upcasters)).toEqual([]);
    expect(await recordKnownEvents(pool, newer, upcasters)).toEqual([]);
    expect(await recordKnownEvents(pool, old, {})).toEqual([
      { type: 'NoteBurnt', schemaVersion: 1 },
      { type: 'NoteWritten', schemaVersion: 2 },
    ]);
  });
});
