import type { Settings } from '#platform/config/settings';
import { projections } from '#projections/index';

/** Snapshots of aggregates, beside the log. */
export const SNAPSHOT_CONNECTIONS = 2;
/** One listens, the others are lent for a statement each. */
export const JOB_CONNECTIONS = 5;
/** Of the event log: two that append, four that read, and one that listens. */
const LOG_CONNECTIONS = 7;
/** Listens for checkpoints that moved. */
const WAKE_CONNECTIONS = 1;
/** Of a rebuild: its lock, a chunk of rows or an index, and the report of how far it is. One runs at a time. */
const REBUILD_CONNECTIONS = 3;
/** Of an erasure of a tenant: its lock, and what deletes. One runs at a time. */
const ERASURE_CONNECTIONS = 2;
/** Of a parked partition that continues, which may take a long transaction. One continues at a time. */
const PARKED_CONNECTIONS = 1;
/** For all that needs a connection for one statement: leases, lease time, beats, sweepers, readiness, metrics. */
const BRIEF_CONNECTIONS = 2;
/** Of the projector's role beside one for each read model. All of them can be held at once. */
const PROJECTOR_SPARE = REBUILD_CONNECTIONS + ERASURE_CONNECTIONS + PARKED_CONNECTIONS + BRIEF_CONNECTIONS;
/** An API alone writes no read model: it reads metrics, and does what operators ask for. */
const PROJECTOR_OF_API = 3;

export const projectorConnections = ({ role }: Pick<Settings, 'role'>): number =>
  role === 'api' ? PROJECTOR_OF_API : projections.length + PROJECTOR_SPARE;

/** Connections to PostgreSQL that one process opens at most. A start takes up to two more for a moment. */
export const connectionsOf = (
  settings: Pick<Settings, 'role' | 'databasePoolSize' | 'eventstoreUrl' | 'redisUrl'>,
): number => {
  const { role, databasePoolSize, eventstoreUrl, redisUrl } = settings;
  const api = role === 'worker' ? 0 : databasePoolSize + SNAPSHOT_CONNECTIONS;
  const wake = role === 'all' ? 0 : WAKE_CONNECTIONS;
  const log = eventstoreUrl ? 0 : LOG_CONNECTIONS;
  const jobs = redisUrl ? 0 : JOB_CONNECTIONS;
  return api + wake + log + jobs + projectorConnections(settings);
};
