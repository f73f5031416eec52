import type { Settings } from '#platform/config/settings';
import { projections } from '#projections/index';

/** For the snapshots of aggregates. */
export const SNAPSHOT_CONNECTIONS = 2;
/** One listens, the others are borrowed for single statements. */
export const JOB_CONNECTIONS = 5;
/** For the event log: two for appends, four for reads, and one that listens. */
const LOG_CONNECTIONS = 7;
/** Listens for notifications of moved checkpoints. */
const NOTIFICATION_CONNECTIONS = 1;
/** For a rebuild: its lock, a batch of rows or an index, and its progress. One rebuild runs at a time. */
const REBUILD_CONNECTIONS = 3;
/** For the erasure of a tenant: its lock, and the deletions. One erasure runs at a time. */
const ERASURE_CONNECTIONS = 2;
/** For a parked partition that continues, which may need a long transaction. One continues at a time. */
const PARKED_CONNECTIONS = 1;
/** For single statements: leases, lease time, signs of life, sweepers, readiness, metrics. */
const BRIEF_CONNECTIONS = 2;
/** For the role `projector`, in addition to one for each read model. All of them may be in use at the same time. */
const PROJECTOR_SPARE = REBUILD_CONNECTIONS + ERASURE_CONNECTIONS + PARKED_CONNECTIONS + BRIEF_CONNECTIONS;
/** With ROLE=api, which updates no read model: for metrics and for the requests of operators. */
const PROJECTOR_OF_API = 3;

/** The maximum number of connections of a process as the role `projector`. */
export const projectorConnections = ({ role }: Pick<Settings, 'role'>): number =>
  role === 'api' ? PROJECTOR_OF_API : projections.length + PROJECTOR_SPARE;

/**
 * The maximum number of connections to PostgreSQL of one process. During its start, it opens up to two more for a
 * moment.
 */
export const connectionsOf = (
  settings: Pick<Settings, 'role' | 'databasePoolSize' | 'eventstoreUrl' | 'redisUrl'>,
): number => {
  const { role, databasePoolSize, eventstoreUrl, redisUrl } = settings;
  const api = role === 'worker' ? 0 : databasePoolSize + SNAPSHOT_CONNECTIONS;
  const notifications = role === 'all' ? 0 : NOTIFICATION_CONNECTIONS;
  const log = eventstoreUrl ? 0 : LOG_CONNECTIONS;
  const jobs = redisUrl ? 0 : JOB_CONNECTIONS;
  return api + notifications + log + jobs + projectorConnections(settings);
};
