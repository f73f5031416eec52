import { EventStoreDbEventLog, type EventStoreDbOptions } from '#event-log/eventstoredb/index';
import { sleep } from '#platform/loops/backoff';
import { type ScriptedEventStore, startScriptedEventStore } from '../support/scripted-eventstore';

/** Short enough to wait for, long enough for a loaded machine to answer within. */
export const IMPATIENT = { appendDeadlineMs: 3_000, resolveDeadlineMs: 800, readDeadlineMs: 800, pingDeadlineMs: 500 };

export interface Scripted {
  readonly server: ScriptedEventStore;
  readonly log: EventStoreDbEventLog;
  /** Another instance, as another process would have. */
  another(options?: Partial<EventStoreDbOptions>): EventStoreDbEventLog;
}

/** A server and a log for each test of the block. */
export const scripted = (options: Partial<EventStoreDbOptions> = {}): (() => Scripted) => {
  let now: Scripted | undefined;
  let logs: EventStoreDbEventLog[] = [];
  beforeEach(async () => {
    const server = await startScriptedEventStore();
    const another = (own: Partial<EventStoreDbOptions> = {}): EventStoreDbEventLog => {
      const log = new EventStoreDbEventLog({ connectionString: server.connectionString, ...options, ...own });
      logs.push(log);
      return log;
    };
    now = { server, another, log: another() };
  });
  afterEach(async () => {
    now?.server.script.thaw();
    await Promise.all(logs.map((log) => log.close()));
    logs = [];
    await now?.server.close();
  });
  return () => {
    if (!now) throw new Error('outside of a test');
    return now;
  };
};

/** Waits for what will come in its own time; the test's own timeout ends it. */
export const until = async (condition: () => boolean): Promise<void> => {
  while (!condition()) await sleep(5);
};

/**
 * jest fails a test during which an error finds nobody to take it, which would end the process. The body's stray errors
 * are waited for.
 */
export const withoutStrayErrors = async (body: () => Promise<void>): Promise<void> => {
  await body();
  await sleep(50);
};
