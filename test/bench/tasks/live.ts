import { performance } from 'node:perf_hooks';
import { Client, type Pool } from 'pg';
import { type EventLog, type Position, START } from '#event-log/port';
import { silentLogger } from '#platform/logging/logger.port';
import { runLive } from '#projecting/fold/live';
import { createProgress } from '#projecting/read-your-writes/progress';
import { tasksProjection } from './projection';

/** Empties the read model, and sets the checkpoint of its projection back to a position. */
export const resetTasks = async (ownerUrl: string, position: Position = START): Promise<void> => {
  const client = new Client({ connectionString: ownerUrl });
  await client.connect();
  await client.query('truncate read_model.tasks');
  await client.query(`update projecting.checkpoints set position = $1, epoch = epoch + 1 where projection = 'tasks'`, [
    position.toString(),
  ]);
  await client.end();
};

/** ms that the live projection needs from its checkpoint to the end of the log. */
export const msOfLive = async (log: EventLog, pool: Pool): Promise<number> => {
  const progress = createProgress();
  const head = await log.head();
  const stopping = new AbortController();
  const { signal } = stopping;
  const began = performance.now();
  const caughtUp = new Promise<number>((resolve) => {
    progress.onChange(() => {
      if ((progress.positions.get(tasksProjection.name) ?? START) >= head) resolve(performance.now());
    });
  });
  const running = runLive(tasksProjection, { log, pool, progress, logger: silentLogger, onMoved: () => {}, signal });
  const ended = await caughtUp;
  stopping.abort();
  await running;
  return ended - began;
};
