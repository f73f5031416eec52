import { randomUUID } from 'node:crypto';
import { Client } from 'pg';
import { migrate } from '../../../libs/platform/database/migrate';
import { deriveRolePasswords } from '../../../libs/platform/database/roles';
import { createEmptyDatabase, TEST_ROLE_PREFIX, TEST_SECRET_KEY } from '../../../libs/testing/database';
import { MIGRATIONS } from '../../migrations';

const MIGRATION = '0031-stream-names';

describe('a database of before users and operators had their stream names', () => {
  it('has its events, snapshots and parked events under the new names after the migration', async () => {
    const database = await createEmptyDatabase();
    const owner = new Client({ connectionString: database.url });
    const apply = (migrations: typeof MIGRATIONS) =>
      migrate(database.url, {
        rolePrefix: TEST_ROLE_PREFIX,
        rolePasswords: deriveRolePasswords(database.url, TEST_SECRET_KEY, TEST_ROLE_PREFIX),
        migrations,
      });
    try {
      await apply(
        MIGRATIONS.slice(
          0,
          MIGRATIONS.findIndex(({ id }) => id === MIGRATION),
        ),
      );
      await owner.connect();
      const tenantId = randomUUID();
      const inserted = [
        [1, null, 'person'],
        [2, null, 'erasure'],
        [3, tenantId, 'person'],
        [4, tenantId, 'task'],
      ];
      for (const [position, tenant, aggregate] of inserted) {
        await owner.query(
          `insert into event_log.events (position, recorded_at, command_id, aggregate_id, tenant_id, version, ordinal,
             schema_version, actor_kind, aggregate, type, data)
           values ($1, now(), $2, $3, $4, 1, 0, 1, 'y', $5, 'Happened', '{}')`,
          [position, randomUUID(), randomUUID(), tenant, aggregate],
        );
      }
      await owner.query(`insert into projecting.checkpoints (projection, version) values ('people', 1)`);
      await owner.query(
        `insert into projecting.parked (projection, lane, outside, aggregate, position, event_type, error)
         values ('people', $1, true, 'person', 1, 'Happened', 'refused')`,
        [randomUUID()],
      );
      await apply(MIGRATIONS);
      const { rows } = await owner.query('select aggregate from event_log.events order by position');
      expect(rows.map(({ aggregate }) => aggregate)).toEqual(['user', 'operators', 'person', 'task']);
      expect((await owner.query('select aggregate from projecting.parked')).rows).toEqual([{ aggregate: 'user' }]);
    } finally {
      await owner.end();
      await database.drop();
    }
  });
});
