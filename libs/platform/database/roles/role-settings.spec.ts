import { Client, type Pool } from 'pg';
import { createTestDatabase, TEST_ROLE_PREFIX, type TestDatabase } from '#testing/database';
import { createPool } from '../connections/pools';
import { haveRoleSettings, requireSettings } from './role-settings';
import { roleNames } from './roles';

describe('the settings of the roles', () => {
  let database: TestDatabase;
  let owner: Client;
  const pools: Pool[] = [];

  beforeAll(async () => {
    database = await createTestDatabase();
    owner = new Client({ connectionString: database.urls.owner });
    await owner.connect();
  });
  afterAll(async () => {
    await Promise.all([owner.end(), ...pools.map((pool) => pool.end())]);
    await database.drop();
  });

  const poolOf = (options: Partial<Parameters<typeof createPool>[0]>): Pool => {
    const pool = createPool({ url: database.urls.log, max: 1, applicationName: 'role-settings', ...options });
    pools.push(pool);
    return pool;
  };

  it('are set together with the roles', async () => {
    expect(await haveRoleSettings(owner, roleNames(TEST_ROLE_PREFIX))).toBe(true);
    expect(await haveRoleSettings(owner, roleNames('unknown'))).toBe(false);
  });

  it('apply to sessions whose client sent no settings, as behind a pooler', async () => {
    const pool = poolOf({ pooler: 'unnamed-statements', statementTimeoutMs: 77 });
    await requireSettings(pool, 'log');
    const { rows } = await pool.query('show lock_timeout');
    expect(rows).toEqual([{ lock_timeout: '1600ms' }]);
  });

  it('are overridden by the settings that a direct pool sends', async () => {
    const pool = poolOf({ statementTimeoutMs: 777, settings: { synchronous_commit: 'off' } });
    await requireSettings(pool, 'log');
    expect((await pool.query('show statement_timeout')).rows).toEqual([{ statement_timeout: '777ms' }]);
  });

  it('are named one by one in the error where a session does not have them', async () => {
    const role = roleNames(TEST_ROLE_PREFIX).log;
    await owner.query(`alter role ${role} in database ${database.name} set statement_timeout = 0`);
    await owner.query(`alter role ${role} in database ${database.name} set jit = on`);
    await expect(requireSettings(poolOf({ pooler: 'named-statements' }), 'log')).rejects.toMatchObject({
      name: 'NotReady',
      message: expect.stringMatching(/statement_timeout is 0 and must be 5000; jit is on and must be off/),
    });
  });
});
