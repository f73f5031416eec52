import { eventLogContract } from '#event-log/contract/contract.suite';
import { EventStoreDbEventLog } from '#event-log/eventstoredb/index';
import { singleNodeOf } from '../support/eventstore-url';
import { startProxy } from '../support/tcp-proxy';

/**
 * Runs the contract suite against a real server, `EVENTSTORE_URL='esdb://127.0.0.1:2113?tls=false'`, through a proxy
 * that cuts its connections. A cluster that is found by discovery is used without the proxy.
 */
const url = process.env['EVENTSTORE_URL'];

if (url) {
  eventLogContract('a real EventStoreDB', async () => {
    const node = singleNodeOf(url);
    const proxy = node && (await startProxy(node));
    const connectionString = proxy?.through(url) ?? url;
    const log = new EventStoreDbEventLog({ connectionString });
    return {
      log,
      reopen: async (options) => new EventStoreDbEventLog({ connectionString, ...options }),
      ...(proxy && { breakConnections: async () => proxy.reset() }),
      close: async () => {
        await log.close();
        await proxy?.close();
      },
    };
  });
} else {
  const reason =
    'EVENTSTORE_URL is not set: the contract suite of the event log was not run against a real EventStoreDB';
  process.stderr.write(`${reason}\n`);
  describe.skip(reason, () => {
    it('needs a server', () => undefined);
  });
}
