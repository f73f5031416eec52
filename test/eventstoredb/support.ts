import { EventStoreDbEventLog, type EventStoreDbOptions } from '#event-log/eventstoredb/index';
import { sleep } from '#platform/loops/backoff';
import { type ScriptedEventStore, startScriptedEventStore } from '../support/scripted-eventstore';

/** Deadlines that are short enough for tests and long enough for a busy machine. */
export const IMPATIENT = { appendDeadlineMs: 3_000, resolveDeadlineMs: 800, readDeadlineMs: 800, pingDeadlineMs: 500 };

export interface Scripted {
  readonly server: ScriptedEventStore;
  readonly log: EventStoreDbEventLog;
  /** Opens another instance of the log, as in another process. */
  another(options?: Partial<EventStoreDbOptions>): EventStoreDbEventLog;
}

/** Starts a server and opens a log for each test of the block, and closes them afterwards. */
export const scripted = (options: Partial<EventStoreDbOptions> = {}): (() => Scripted) => {
  let current: Scripted | undefined;
  let logs: EventStoreDbEventLog[] = [];
  beforeEach(async () => {
    const server = await startScriptedEventStore();
    const another = (overrides: Partial<EventStoreDbOptions> = {}): EventStoreDbEventLog => {
      const log = new EventStoreDbEventLog({ connectionString: server.connectionString, ...options, ...overrides });
      logs.push(log);
      return log;
    };
    current = { server, another, log: another() };
  });
  afterEach(async () => {
    current?.server.script.thaw();
    await Promise.all(logs.map((log) => log.close()));
    logs = [];
    await current?.server.close();
  });
  return () => {
    if (!current) throw new Error('the scripted server is open only during a test');
    return current;
  };
};

/** Waits until the condition is true, or until the timeout of the test. */
export const until = async (condition: () => boolean): Promise<void> => {
  while (!condition()) await sleep(5);
};

/**
 * Runs the body and waits for its unhandled errors. jest fails a test during which an unhandled error occurs; in
 * production such an error would end the process.
 */
export const withoutStrayErrors = async (body: () => Promise<void>): Promise<void> => {
  await body();
  await sleep(50);
};
