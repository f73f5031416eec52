import type { KeyObject } from 'node:crypto';
import type { SigningKey } from '#identity/keys/signing-keys';
import { createPool } from '#platform/database/connections/pools';
import { roleNames } from '#platform/database/roles/roles';
import { silentLogger } from '#platform/logging/logger.port';
import { createReadiness } from '#platform/readiness/readiness';
import { createProjectorPool } from '#projecting/projector-pool';
import { installProjections } from '#projecting/versions/install';
import { projections } from '#projections/index';
import { createTestDatabase } from '#testing/database';
import { notReadyBannerFor } from '../process/banner';
import { waitUntilReady } from '../process/start-up';
import { dependencyChecks, jobsCheck, signingKeysCheck } from './readiness';

describe('the readiness of a process', () => {
  it('requires each read model, in its version or a later one that has all of its columns', async () => {
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

  it('requires that the signing key is among the keys that verify', async () => {
    const readiness = createReadiness({ logger: silentLogger });
    const key = { kid: 'one' } as SigningKey;
    let published: unknown = key;
    readiness.add(signingKeysCheck({ current: () => key, find: async () => published as KeyObject | undefined }));
    expect(await readiness.refresh()).toEqual([]);
    published = undefined;
    expect(await readiness.refresh()).toMatchObject([
      { name: 'signing keys', message: expect.stringMatching(/verify/) },
    ]);
  });

  it('requires the job queue in a process that works on jobs', async () => {
    const readiness = createReadiness({ logger: silentLogger });
    readiness.add(jobsCheck({ allQueues: () => Promise.reject(new Error('connect ECONNREFUSED 10.0.0.1')) }));
    expect(await readiness.refresh()).toMatchObject([{ name: 'jobs', message: expect.not.stringMatching(/10\.0/) }]);
  });
});

describe('a start', () => {
  const failing = [
    { name: 'event log', message: 'It does not answer.', runbook: 'docs/runbooks/readiness.md#event-log' },
  ];

  it('reports the failing checks if the process is not ready, and continues to wait', async () => {
    const rounds = [failing, failing, failing, []];
    const reported: unknown[] = [];
    await waitUntilReady({
      readiness: { refresh: async () => rounds.shift() ?? [] },
      isStopping: () => false,
      onNotReady: (it) => reported.push(it),
      reportAfterMs: 0,
    });
    expect(reported).toEqual([failing]);
    expect(notReadyBannerFor('http://127.0.0.1:3000', failing)).toMatch(
      /not ready:\n\n {2}- event log: It does not answer/,
    );
    expect(notReadyBannerFor('http://127.0.0.1:3000', failing)).not.toMatch(/is running|curl/);
  });

  it('stops waiting if the process is stopping', async () => {
    let isStopping = false;
    const refresh = async () => {
      isStopping = true;
      return failing;
    };
    const reported: unknown[] = [];
    await waitUntilReady({
      ...{ readiness: { refresh }, isStopping: () => isStopping, reportAfterMs: 0 },
      onNotReady: (it) => reported.push(it),
    });
    expect(reported).toEqual([]);
  });
});
