import { Client } from 'pg';
import { createPool } from '#platform/database/connections/pools';
import type { Migration } from '#platform/database/migrations/applied-migrations';
import { migrate } from '#platform/database/migrations/migrate';
import { deriveRolePasswords, roleNames, roleUrls, urlFor } from '#platform/database/roles/roles';
import { silentLogger } from '#platform/logging/logger.port';
import { createEmptyDatabase, TEST_SECRET_KEY } from '#testing/database';
import { InMemoryEventLog } from '#testing/in-memory-event-log';
import { openRebuildWorld } from '#testing/worlds/rebuild-world';
import { installProjections, requestRebuild } from '../versions/install';
import { rebuild } from './rebuild';

jest.setTimeout(120_000);

describe('a database whose owner is not a superuser', () => {
  it('lets the projector rebuild a read model, and keeps a view of the owner', async () => {
    const world = await openRebuildWorld();
    const { url: server, drop } = await createEmptyDatabase();
    const prefix = `tenantry_rebuilt_${process.pid}`;
    const admin = new Client({ connectionString: server });
    await admin.connect();
    const name = new URL(server).pathname.slice(1);
    try {
      await admin.query(`create role ${prefix}_owner login createrole password 'x'`);
      await admin.query(`alter database ${name} owner to ${prefix}_owner`);
      const url = urlFor(server, `${prefix}_owner`, 'x');
      const rolePasswords = deriveRolePasswords(url, TEST_SECRET_KEY, prefix);
      const migrations = JSON.parse(process.env['TENANTRY_TEST_MIGRATIONS'] ?? '[]') as Migration[];
      await migrate(url, {
        rolePrefix: prefix,
        rolePasswords,
        migrations,
      });
      const roles = roleNames(prefix);
      const pool = createPool({ url: roleUrls(url, prefix, rolePasswords).projector, max: 5, applicationName: 'test' });
      const owner = createPool({ url, max: 1, applicationName: 'test' });
      await installProjections(pool, [world.projection(1)], roles);
      await owner.query('create view platform.texts as select text from read_model.notes');
      const id = await requestRebuild(pool, 'notes', { version: 2 });
      const signal = new AbortController().signal;
      await rebuild(world.projection(2), id, {
        log: new InMemoryEventLog(),
        pool,
        roles,
        logger: silentLogger,
        signal,
      });
      expect((await owner.query('select version from projecting.checkpoints')).rows).toEqual([{ version: 2 }]);
      expect((await owner.query('select text from platform.texts')).rows).toEqual([]);
      await Promise.all([pool.end(), owner.end()]);
    } finally {
      await admin.end();
      await drop();
      const cleaner = new Client({ connectionString: world.database.urls.owner });
      await cleaner.connect();
      const roles = [...Object.values(roleNames(prefix)), `${prefix}_owner`];
      await cleaner.query(`drop role if exists ${roles.join(', ')}`).finally(() => cleaner.end());
      await world.close();
    }
  });
});
