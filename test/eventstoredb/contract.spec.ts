import { eventLogContract } from '#event-log/contract/contract.suite';
import { EventStoreDbEventLog } from '#event-log/eventstoredb/index';
import { startScriptedEventStore } from '../support/scripted-eventstore';

eventLogContract('a scripted EventStoreDB', async () => {
  const server = await startScriptedEventStore();
  const { connectionString } = server;
  const log = new EventStoreDbEventLog({ connectionString });
  return {
    log,
    reopen: async (options) => new EventStoreDbEventLog({ connectionString, ...options }),
    breakConnections: async () => server.cut(),
    close: async () => {
      await log.close();
      await server.close();
    },
  };
});
