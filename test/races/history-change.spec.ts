import type { EventLog, Subscribe } from '#event-log/port';
import { createPostgresEventLog } from '#event-log/postgres/postgres-event-log';
import { silentLogger } from '#platform/logging/logger.port';
import { runLive } from '#projecting/fold/live';
import { createProgress } from '#projecting/read-your-writes/progress';
import { type NotesWorld, openNotes } from './notes';

describe('a log that goes back to an older copy between the reading of a checkpoint and the subscription', () => {
  let world: NotesWorld;
  let log: EventLog;

  beforeEach(async () => {
    world = await openNotes();
    log = createPostgresEventLog({ connectionString: world.database.urls.log });
  });
  afterEach(async () => {
    await log.close();
    await world.close();
  });

  it('has the projection read its checkpoint again, because the subscription itself cannot notice it', async () => {
    const listeners = new Set<() => void>();
    const subscriptions: Subscribe[] = [];
    const stop = new AbortController();
    const subscribedTwice = new Promise<void>((resolve) => {
      const changing: EventLog = Object.assign(Object.create(log) as EventLog, {
        onHistoryChange: (listener: () => void) => {
          listeners.add(listener);
          return () => listeners.delete(listener);
        },
        subscribe: (options: Subscribe) => {
          subscriptions.push(options);
          if (subscriptions.length === 1) for (const listener of listeners) listener();
          else resolve();
          return log.subscribe(options);
        },
      });
      const { pool, projection } = world;
      const progress = createProgress();
      const running = runLive(projection, {
        ...{ log: changing, pool, progress, logger: silentLogger, onMoved: () => {}, signal: stop.signal },
      });
      stop.signal.addEventListener('abort', () => running.catch(() => undefined));
    });
    await subscribedTwice;
    stop.abort();
    expect(subscriptions[0]?.signal?.aborted).toBe(true);
  });
});
