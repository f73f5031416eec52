import { Pool } from 'pg';
import { createTestDatabase, type TestDatabase } from '#testing/database';
import { databaseClock } from './clocks';

describe('the clock of a database that a test sets', () => {
  let database: TestDatabase;
  let owner: Pool;

  beforeAll(async () => {
    database = await createTestDatabase();
    owner = new Pool({ connectionString: database.urls.owner, max: 1 });
  });

  afterAll(async () => {
    await owner.end();
    await database.drop();
  });

  it('changes also in open sessions, in statements and functions that are already planned', async () => {
    const clock = await databaseClock(owner);
    await owner.query(
      `create function public.planned() returns timestamptz language plpgsql as
         $$ declare at timestamptz := clock_timestamp(); begin return at; end $$`,
    );
    const other = new Pool({ connectionString: database.urls.owner, max: 1 });
    /** Days by which `now()`, `clock_timestamp()` and the function are ahead of the machine's clock. */
    const ahead = async (): Promise<number[]> => {
      const { rows } = await other.query<{ moments: Date[] }>({
        name: 'ahead',
        text: 'select array[now(), clock_timestamp(), public.planned()] as moments',
      });
      return rows[0]?.moments.map((it) => Math.round((it.getTime() - Date.now()) / 86_400_000) + 0) ?? [];
    };
    for (const days of [0, 400, -400, 0]) {
      await clock.set(days * 86_400_000);
      for (let again = 0; again < 7; again++) expect(await ahead()).toEqual([days, days, days]);
    }
    await other.end();
  });
});
