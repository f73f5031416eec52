import { eventLogContract } from '../../libs/event-log/contract.suite';
import { EventStoreDbEventLog } from '../../libs/event-log/eventstoredb';

/** The same contract against a real server: `EVENTSTORE_URL='esdb://127.0.0.1:2113?tls=false'`. */
const connectionString = process.env['EVENTSTORE_URL'];

if (connectionString) {
  eventLogContract('EventStoreDB, real,', async () => {
    const log = new EventStoreDbEventLog({ connectionString });
    return {
      log,
      reopen: async (options) => new EventStoreDbEventLog({ connectionString, ...options }),
      close: () => log.close(),
    };
  });
} else {
  const reason = 'EVENTSTORE_URL is not set: the contract of the event log was not held against a real EventStoreDB';
  process.stderr.write(`${reason}\n`);
  describe.skip(reason, () => {
    it('needs a server', () => undefined);
  });
}
