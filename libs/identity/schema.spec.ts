import type { Pool } from 'pg';
import { createPool, inTransaction } from '#platform/database/connections/pools';
import { uuidv7 } from '#platform/ids/uuid';
import { createTestDatabase, type TestDatabase } from '#testing/database';

const DENIED = { code: '42501' };

/** Statements of an attacker who controls a process and uses its database role. */
describe('the schema identity', () => {
  let database: TestDatabase;
  let app: Pool;
  let projector: Pool;
  let log: Pool;
  let operator: Pool;
  let owner: Pool;
  const [ada, bob, tenant] = [uuidv7(), uuidv7(), uuidv7()];

  beforeAll(async () => {
    database = await createTestDatabase();
    const open = (url: string): Pool => createPool({ url, max: 1, applicationName: 'test' });
    app = open(database.urls.app);
    projector = open(database.urls.projector);
    log = open(database.urls.log);
    operator = open(database.urls.operator);
    owner = open(database.urls.owner);
    for (const id of [ada, bob]) {
      await owner.query(
        `insert into identity.users (id, email, email_key, name, password_hash, state)
         values ($1, $2, $2, 'A user', 'hash', 'active')`,
        [id, `${id}@acme.example`],
      );
      await app.query(`select identity.open_session($1, $2, $3, 1, $4, 30, null, null, 1, null, 100, 'password')`, [
        uuidv7(),
        id,
        tenant,
        Buffer.from(id),
      ]);
    }
  });

  afterAll(async () => {
    await Promise.all([app, projector, log, operator, owner].map((pool) => pool.end()));
    await database.drop();
  });

  const queryAs = (settings: Record<string, string>, sql: string): Promise<Record<string, unknown>[]> =>
    inTransaction(app, async (client) => {
      for (const [name, value] of Object.entries(settings))
        await client.query('select set_config($1, $2, true)', [name, value]);
      return (await client.query(sql)).rows;
    });

  it.each(['select id from identity.users', 'select id from identity.sessions'])(
    'shows the application nothing without a user: %s',
    async (sql) => {
      expect(await queryAs({}, sql)).toEqual([]);
      expect(await queryAs({ 'app.user_id': '' }, sql)).toEqual([]);
      // A tenant does not see the sessions and addresses of its members.
      expect(await queryAs({ 'app.tenant_id': tenant }, sql)).toEqual([]);
    },
  );

  it('shows the application the row and the sessions of its user only', async () => {
    expect(await queryAs({ 'app.user_id': ada }, 'select id from identity.users')).toEqual([{ id: ada }]);
    expect(await queryAs({ 'app.user_id': ada }, 'select user_id from identity.sessions')).toEqual([{ user_id: ada }]);
  });

  it.each([
    'select password_hash from identity.users',
    'select * from identity.users',
    'select * from identity.refresh_tokens',
    'select * from identity.sign_ups',
    'select * from identity.erasures',
    'select * from identity.facts',
    'select * from identity.failed_sign_ins',
    `update identity.users set name = 'Mallory'`,
    `update identity.users set state = 'active'`,
    'insert into identity.sessions (id) values (gen_random_uuid())',
    'update identity.sessions set ended_at = null',
    'delete from identity.sessions',
    `update identity.signing_keys set state = 'retired'`,
    'delete from identity.signing_keys',
    'select identity.take_unfinished_sign_ups(0, 1)',
    'select identity.take_unfinished_erasures(0, 1)',
    'select identity.purge_erased(0)',
    'select identity.purge(0, now())',
    'select identity.take_facts(30, 1)',
    'select * from identity.operators',
    `select identity.find_operator(null, 'ada')`,
    `select identity.record_operator_action(gen_random_uuid(), 'keys.revoke', null, null, 'x', null)`,
    `select identity.add_fact('user', gen_random_uuid(), null, 'PasswordChanged', '{}', now(), null, null)`,
  ])('refuses the application: %s', async (sql) => {
    await expect(queryAs({ 'app.user_id': ada }, sql)).rejects.toMatchObject(DENIED);
  });

  it.each([
    'select id from identity.users',
    'select id from identity.sessions',
    'select private_key from identity.signing_keys',
    `select identity.rotate_refresh_token('x', 'x', 'x', 10, 30)`,
    `select identity.find_credentials('x', 'x')`,
    `select identity.find_refresh_token('x')`,
    'select identity.find_password(gen_random_uuid())',
    'select identity.begin_erasure(gen_random_uuid(), gen_random_uuid(), $$x$$, null)',
    'select * from identity.erasures',
    'select * from identity.facts',
    `select identity.count_failed_sign_in(gen_random_uuid(), null)`,
    'select * from identity.operators',
    `select identity.add_operator(gen_random_uuid(), 'ada', null, 'x', null)`,
    `select identity.remove_operator('ada', gen_random_uuid(), 'x', null)`,
    'select identity.issue_operator_token(gen_random_uuid(), gen_random_uuid(), now(), null)',
  ])('refuses the projector: %s', async (sql) => {
    await expect(projector.query(sql)).rejects.toMatchObject(DENIED);
  });

  it.each(['select id from identity.users', `select identity.find_credentials('x', 'x')`])(
    'refuses the log and the operator: %s',
    async (sql) => {
      await expect(log.query(sql)).rejects.toMatchObject(DENIED);
      await expect(operator.query(sql)).rejects.toMatchObject(DENIED);
    },
  );
});
