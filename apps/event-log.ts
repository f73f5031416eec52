import { upcasters } from '../libs/domain/upcasters';
import { EventStoreDbEventLog } from '../libs/event-log/eventstoredb';
import type { EventLog } from '../libs/event-log/port';
import { createPostgresEventLog } from '../libs/event-log/postgres/postgres-event-log';
import type { Context } from './context';

/** The log that the settings name: PostgreSQL's own, or an EventStoreDB at `EVENTSTORE_URL`. */
export const openEventLog = async ({ settings, databaseUrls, databaseRoutes, logger }: Context): Promise<EventLog> =>
  settings.eventstoreUrl
    ? new EventStoreDbEventLog({ connectionString: settings.eventstoreUrl, upcasters, logger })
    : createPostgresEventLog({
        connectionString: databaseRoutes.log.url,
        pooler: databaseRoutes.log.pooler,
        listenUrl: databaseUrls.log,
        upcasters,
      });
