import { createPool } from '../libs/platform/database/pools';
import { roleNames } from '../libs/platform/database/roles';
import { silentLogger } from '../libs/platform/logger.port';
import { createReadiness } from '../libs/platform/readiness/readiness';
import { installProjections } from '../libs/projecting/install';
import { createProjectorPool } from '../libs/projecting/projector-pool';
import { createTestDatabase } from '../libs/testing/database';
import { projections } from '../projections';
import { dependencyChecks } from './readiness';

describe('whether a process is ready', () => {
  it('depends on its read models: on each of them, at its version or a later one that has all of its columns', async () => {
    const database = await createTestDatabase();
    const projector = createProjectorPool({ url: database.urls.projector, max: 2 });
    const pool = createPool({ url: database.urls.app, max: 2, applicationName: 'test' });
    const log = { ping: async () => undefined };
    const missing = async (by: number): Promise<string[]> => {
      const needed = projections.map((it) => ({ ...it, version: it.version + by }));
      const readiness = createReadiness({ logger: silentLogger });
      readiness.add(...dependencyChecks({ log, pool, projections: needed }));
      return (await readiness.failing()).map(({ name }) => name);
    };
    try {
      expect(await missing(0)).toEqual(['read models']);
      await installProjections(projector, projections, roleNames(database.rolePrefix));
      expect(await missing(0)).toEqual([]);
      expect(await missing(-1)).toEqual([]);
      expect(await missing(1)).toEqual(['read models']);
      await projector.query(
        'alter table read_model.tasks rename column title to name; alter table read_model.tasks add more text',
      );
      const readiness = createReadiness({ logger: silentLogger });
      readiness.add(...dependencyChecks({ log, pool, projections }));
      expect(await readiness.failing()).toMatchObject([
        { message: expect.stringMatching(/without columns that this release reads: tasks.title\. Stop this process/) },
      ]);
    } finally {
      await Promise.all([pool.end(), projector.end()]);
      await database.drop();
    }
  });
});
