import { eventLogContract } from '#event-log/contract/contract.suite';
import { InMemoryEventLog, InMemoryStore } from './in-memory-event-log';

eventLogContract('the in-memory log', async () => {
  const store = new InMemoryStore();
  const log = new InMemoryEventLog(store);
  return {
    log,
    reopen: async ({ upcasters } = {}) => new InMemoryEventLog(store, upcasters),
    close: () => log.close(),
  };
});
