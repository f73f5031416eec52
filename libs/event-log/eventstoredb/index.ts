export { InvalidConnectionString } from './errors';
export { EventStoreDbEventLog } from './eventstoredb-event-log';
export type { EventStoreDbOptions } from './options';
