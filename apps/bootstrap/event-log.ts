import { upcasters } from '#domain/upcasters';
import { EventStoreDbEventLog, InvalidConnectionString } from '#event-log/eventstoredb/index';
import { type EventLog, LogDenied } from '#event-log/port';
import { createPostgresEventLog } from '#event-log/postgres/postgres-event-log';
import { NotReady } from '#platform/readiness/check';
import type { Context } from './context';
import { CannotStart } from './process/cannot-start';

/**
 * Opens the event log of the settings: the EventStoreDB at `EVENTSTORE_URL`, or PostgreSQL if that is unset.
 * @throws CannotStart EVENTSTORE_URL is not valid
 */
export const openEventLog = async ({ settings, databaseUrls, databaseRoutes, logger }: Context): Promise<EventLog> => {
  if (!settings.eventstoreUrl)
    return createPostgresEventLog({
      connectionString: databaseRoutes.log.url,
      pooler: databaseRoutes.log.pooler,
      listenUrl: databaseUrls.log,
      upcasters,
      logger,
    });
  try {
    return new EventStoreDbEventLog({ connectionString: settings.eventstoreUrl, upcasters, logger });
  } catch (error) {
    if (error instanceof InvalidConnectionString) throw new CannotStart(error.message, { cause: error });
    throw error;
  }
};

/**
 * Resolves if the log answers.
 * @throws NotReady the log answers and refuses this user
 * @throws LogUnavailable the log does not answer
 */
export const requireEventLog = async (log: Pick<EventLog, 'ping'>): Promise<void> => {
  try {
    await log.ping();
  } catch (error) {
    if (!(error instanceof LogDenied)) throw error;
    throw new NotReady(
      'The event log refuses this user. Check the user and password in EVENTSTORE_URL, and the rights of the user.',
    );
  }
};
