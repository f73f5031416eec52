import { Client } from 'pg';
import { createTestDatabase, type TestDatabase } from '#testing/database';
import { jobsSchema } from './schema';

describe('the tables of jobs', () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await createTestDatabase();
  });
  afterAll(() => database.drop());

  const as = async <T>(url: string, work: (client: Client) => Promise<T>): Promise<T> => {
    const client = new Client({ connectionString: url });
    await client.connect();
    try {
      return await work(client);
    } finally {
      await client.end();
    }
  };

  it('are those of the installed version of BullMQ', async () => {
    expect(await as(database.urls.owner, (owner) => jobsSchema.isCurrent(owner))).toBe(true);
    await as(database.urls.owner, (owner) => owner.query('delete from bullmq.migration where version > 3'));
    expect(await as(database.urls.owner, (owner) => jobsSchema.isCurrent(owner))).toBe(false);
  });

  it.each(['app', 'log', 'projector', 'operator'] as const)('are closed to %s', async (role) => {
    await expect(as(database.urls[role], (it) => it.query('select 1 from bullmq.job'))).rejects.toThrow(
      /permission denied/,
    );
  });

  it('are all that the role `jobs` can access, and it can create nothing among them', async () => {
    const refused = (sql: string) =>
      expect(as(database.urls.jobs, (it) => it.query(sql))).rejects.toThrow(/permission denied/);
    await as(database.urls.jobs, (it) => it.query('select count(*) from bullmq.job'));
    await refused('create table bullmq.mine (n int)');
    await refused('create function bullmq.mine() returns int language sql as $$ select 1 $$');
    await refused('update bullmq.migration set version = 99');
    await refused('select 1 from read_model.members');
    await refused('select 1 from event_log.events');
    await refused('select 1 from identity.users');
  });
});
