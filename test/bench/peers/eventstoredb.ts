import { START as BEGINNING, EventStoreDBClient, eventTypeFilter, jsonEvent, NO_STREAM } from '@eventstore/db-client';
import { EventStoreDbEventLog } from '#event-log/eventstoredb/index';
import type { Position } from '#event-log/port';
import { START } from '#event-log/port';
import { streamName } from '#event-log/stream-id';
import type { Contender } from '../load';
import { appendTask, tenantId } from '../tasks/events';

export const eventStoreUrl = process.env['EVENTSTORE_URL'] ?? '';

const TENANTS = 1_000;
const anyTenant = (): string => tenantId(Math.floor(Math.random() * TENANTS));

export const adapterAppends: Contender = {
  open: async () => {
    const log = new EventStoreDbEventLog({ connectionString: eventStoreUrl });
    await log.ping();
    return { operation: () => log.append(appendTask(anyTenant())), close: () => log.close() };
  },
};

/** Appends of the same events with the EventStoreDB client directly. */
export const clientAppends: Contender = {
  open: async () => {
    const client = EventStoreDBClient.connectionString(eventStoreUrl);
    return {
      operation: () => {
        const { stream, events, commandId, actor } = appendTask(anyTenant());
        const metadata = { actor, commandId, $correlationId: commandId, $causationId: commandId };
        const [event] = events.map(({ type, data }) => jsonEvent({ type, data, metadata }));
        if (!event) throw new Error('nothing to append');
        return client.appendToStream(streamName(stream), event, { expectedRevision: NO_STREAM });
      },
      close: () => client.dispose(),
    };
  },
};

/** ms in which the client's subscription to `$all` delivers `events` events, which are not processed. */
export const msOfSubscription = async (after: Position, events: number): Promise<number> => {
  const client = EventStoreDBClient.connectionString(eventStoreUrl);
  const began = performance.now();
  let seen = 0;
  const subscription = client.subscribeToAll({
    fromPosition: after === START ? BEGINNING : { commit: after, prepare: after },
    filter: eventTypeFilter({ prefixes: ['TaskAdded', 'TaskMoved'] }),
  });
  for await (const { event } of subscription) {
    if (event) seen += 1;
    if (seen >= events) break;
  }
  const took = performance.now() - began;
  await subscription.unsubscribe();
  await client.dispose();
  return took;
};
