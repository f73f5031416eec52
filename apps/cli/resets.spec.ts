import { Client, type Pool } from 'pg';
import { anAppend, aStream } from '#event-log/contract/support';
import type { EventLog } from '#event-log/port';
import { createPostgresEventLog } from '#event-log/postgres/postgres-event-log';
import { roleNames } from '#platform/database/roles/roles';
import { silentLogger } from '#platform/logging/logger.port';
import { readCheckpointMarks } from '#projecting/checkpoints/checkpoint-marks';
import { createCheckpointWatch, type InvalidCheckpoints } from '#projecting/checkpoints/checkpoint-watch';
import { createProjectorPool } from '#projecting/projector-pool';
import { createProgress } from '#projecting/read-your-writes/progress';
import { runRebuilds } from '#projecting/rebuild/rebuild-queue';
import { installProjections } from '#projecting/versions/install';
import { projections } from '#projections/index';
import { readReactionMarks } from '#reacting/reaction-marks';
import { createTestDatabase, type TestDatabase } from '#testing/database';
import { historyChecks } from '../bootstrap/readiness/history';
import { resetProjections, resetReaction } from './resets';
import { UsageError } from './usage';

jest.setTimeout(120_000);

describe('checkpoints that do not match the log', () => {
  let database: TestDatabase;
  let pool: Pool;
  let log: EventLog;
  const progress = createProgress();
  const roles = roleNames('tenantry_test');
  const record = jest.fn();

  beforeAll(async () => {
    database = await createTestDatabase();
    pool = createProjectorPool({ url: database.urls.projector, max: 8 });
    log = createPostgresEventLog({ connectionString: database.urls.log });
    await installProjections(pool, projections, roles);
    await log.append(anAppend({ stream: aStream() }));
    const client = new Client({ connectionString: database.urls.owner });
    await client.connect();
    // As with a new EventStoreDB, or one that was restored from a backup.
    await client.query(`update projecting.checkpoints set position = 900, mark =
        row(gen_random_uuid(), 900, gen_random_uuid(), gen_random_uuid(), null)::event_log.mark where projection = 'tasks';
      update projecting.checkpoints set position = 900 where projection = 'teams';
      update projecting.checkpoints set position = 900, mark =
        row((select log_id from event_log.identity), 900, gen_random_uuid(), gen_random_uuid(), null)::event_log.mark
        where projection = 'members';
      insert into reacting.checkpoints (reaction, position, holder, leased_until)
        values ('listening', 900, gen_random_uuid(), now())`);
    await client.end();
  });
  afterAll(async () => {
    await log.close();
    await pool.end();
    await database.drop();
  });

  const findInvalid = async (): Promise<InvalidCheckpoints> => {
    const watch = createCheckpointWatch({
      ...{ log, progress },
      projections: () => readCheckpointMarks(pool),
      reactions: () => readReactionMarks(pool),
    });
    await watch.compare();
    return watch.invalidCheckpoints();
  };
  const historyMessage = async (): Promise<string> => {
    const found = await findInvalid();
    const [history] = historyChecks({ invalidCheckpoints: () => found }, log);
    return Promise.resolve(history?.run()).then(
      () => 'ready',
      (error: Error) => error.message,
    );
  };

  it('are named by the readiness check, each with the fault and the command to run', async () => {
    const sentences = await historyMessage();
    expect(sentences).toMatch(/Read model tasks is at position 900 of another event log/);
    expect(sentences).toMatch(/Read model teams is at position 900, beyond the end of the event log at 1/);
    expect(sentences).toMatch(/Read model members is at event .*, which the event log does not hold/);
    expect(sentences).toMatch(/Reaction listening .* run `tenantry reactions reset`/);
  });

  it('are ignored in the progress for which requests wait', async () => {
    await findInvalid();
    progress.report('tasks', 900n);
    expect(progress.positions.get('tasks')).toBeUndefined();
  });

  it('are corrected by a reset, which rebuilds only these read models', async () => {
    await expect(resetProjections(pool, log, ['nothing'], record)).rejects.toThrow(UsageError);
    expect(await resetProjections(pool, log, [], record)).toMatch(/rebuilds members, teams, tasks/);
    const stop = new AbortController();
    const { signal } = stop;
    const running = runRebuilds(projections, { log, pool, roles, logger: silentLogger, signal }, 50);
    while ((await findInvalid()).projections.size > 0) await new Promise((resolve) => setTimeout(resolve, 50));
    stop.abort();
    await running;
    expect(await resetProjections(pool, log, [], record)).toMatch(/nothing was reset/);
  });

  it('of a reaction are set to the head or to a position, with the mark of the event there', async () => {
    await expect(resetReaction(pool, log, ['listening'], record)).rejects.toThrow(UsageError);
    await expect(resetReaction(pool, log, ['unknown', '--to', 'head'], record)).rejects.toThrow(/there is no reaction/);
    expect(await resetReaction(pool, log, ['listening', '--to', 'head'], record)).toBe(
      'listening continues after position 1',
    );
    const [checkpoint] = await readReactionMarks(pool);
    expect(checkpoint?.mark?.logId).toBe((await log.identity()).logId);
    expect(await historyMessage()).toBe('ready');
    expect(await resetReaction(pool, log, ['listening', '--to', '0'], record)).toBe(
      'listening continues after position 0',
    );
  });
});
