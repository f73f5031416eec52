import { Client } from 'pg';
import { uuidv7 } from '#platform/ids/uuid';
import { createTestDatabase, type TestDatabase } from '#testing/database';

jest.setTimeout(60_000);

/**
 * Tables whose rows are kept on purpose or deleted elsewhere: the log, its list of erased ids, the erasure itself, and
 * leases of tenants, which expire.
 */
const KEPT_TABLES = ['billing.turns', 'erasing.erasures', 'event_log.erased_tenants', 'event_log.events'];

describe('the erasure of the rows of a tenant outside the log and the read models', () => {
  let database: TestDatabase;
  let client: Client;

  beforeAll(async () => {
    database = await createTestDatabase();
    client = new Client({ connectionString: database.urls.owner });
    await client.connect();
  });
  afterAll(async () => {
    await client.end();
    await database.drop();
  });

  it('covers every table with rows of tenants or partitions, also after a migration has replaced the function', async () => {
    const { rows } = await client.query<{ name: string }>(
      `select distinct n.nspname || '.' || c.relname as name from pg_attribute a
       join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace
       where a.attname in ('tenant_id', 'partition') and c.relkind in ('r', 'p')
         and n.nspname !~ '^(pg_|information_schema|read_model)'`,
    );
    // Each schema deletes its own rows in a function, which the erasure calls.
    const defined = await client.query<{ body: string }>(
      `with erasure as (select prosrc from pg_proc where oid = 'erasing.erase_rows(uuid)'::regprocedure)
       select string_agg(p.prosrc, '') as body from erasure e, pg_proc p
       where strpos(e.prosrc, format('perform %s.%s(', p.pronamespace::regnamespace, p.proname)) > 0`,
    );
    const body = defined.rows[0]?.body ?? '';
    const kept = rows.map(({ name }) => name).filter((name) => !body.includes(`delete from ${name} `));
    expect(kept.sort()).toEqual(KEPT_TABLES);
  });

  it('deletes the parked, waiting and skipped events of the tenant, and none of another tenant or of a user', async () => {
    const [tenant, other, user] = [uuidv7(), uuidv7(), uuidv7()];
    await client.query(`insert into projecting.checkpoints (projection, version) values ('notes', 1);
      insert into reacting.checkpoints (reaction, holder, leased_until) values ('greeting', gen_random_uuid(), now())`);
    for (const [partition, outside] of [
      [tenant, false],
      [other, false],
      [user, true],
    ] as const) {
      await client.query(
        `insert into projecting.parked (projection, partition, outside, aggregate, position, event_type, error)
         values ('notes', $1, $2, 'note', 7, 'NoteWritten', 'it quotes a value')`,
        [partition, outside],
      );
      await client.query(
        `insert into projecting.skipped (projection, event_id, partition, event_type, position, error, skipped_by)
         values ('notes', gen_random_uuid(), $1, 'NoteWritten', 7, 'it quotes a value', 'operator')`,
        [partition],
      );
      await client.query(
        `insert into reacting.parked (reaction, event_id, event_type, position, partition, outside, aggregate, aggregate_id,
           version, error, attempts, waiting)
         select 'greeting', gen_random_uuid(), 'NoteWritten', 7, $1, $2, 'note', $1, 1, 'it quotes a value', 9, waiting
         from unnest(array[false, true]) as waiting`,
        [partition, outside],
      );
    }
    const projector = new Client({ connectionString: database.urls.projector });
    await projector.connect();
    try {
      await projector.query('select erasing.erase_rows($1)', [tenant]);
    } finally {
      await projector.end();
    }
    const { rows } = await client.query(
      `select partition, count(*)::integer as n from (select partition from projecting.parked union all
         select partition from projecting.skipped union all select partition from reacting.parked) rows group by partition`,
    );
    expect(new Map(rows.map(({ partition, n }) => [partition, n]))).toEqual(
      new Map([
        [other, 4],
        [user, 4],
      ]),
    );
  });
});
