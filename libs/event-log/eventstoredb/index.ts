export { EventStoreDbEventLog } from './eventstoredb-event-log';
export type { EventStoreDbOptions, Logger } from './options';
