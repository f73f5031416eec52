import type { Pool } from 'pg';
import type { EventLog } from '#event-log/port';
import { withClient } from '#platform/database/connections/pools';
import { tokenClass } from '#platform/token-class';
import { type Access, accessJson } from './access';

/** The maximum number of records whose ids are kept in memory. */
const CAPACITY = 10_000;
/** ms between two updates of `last_seen` of one record by one process. */
const SEEN_EVERY_MS = 60_000;

export interface AccessRecordsOptions {
  /** Connects as the app role, the projector or the operator. */
  readonly pool: Pool;
  /** 10,000 by default. */
  readonly capacity?: number;
  /** ms on a clock that is never set back. */
  readonly now?: () => number;
}

interface KnownRecord {
  readonly id: string;
  /** On the clock `now`. */
  readonly seenAt: number;
}

const keyOf = ({ kind, credentialId, address, userAgent }: Access): string =>
  `${kind} ${credentialId} ${address} ${userAgent}`;

/**
 * The access records that events name. There is one record for each credential, address and user agent. It is stored
 * before its id is returned, so that no event names a record that a killed process did not store. The ids of recently
 * used records are kept in memory: usually only the first command of a client waits for the database.
 */
export const createAccessRecords = ({
  pool,
  capacity = CAPACITY,
  now = () => performance.now(),
}: AccessRecordsOptions) => {
  /** In the order of `seenAt`. */
  let known = new Map<string, KnownRecord>();
  const loading = new Map<string, Promise<string>>();

  const store = async (access: Access, userId: string | null): Promise<string> => {
    const { rows } = await withClient(pool, (client) =>
      client.query<{ id: string }>({
        name: 'find-access-record',
        text: 'select access.find_or_create($1, $2) as id',
        values: [accessJson(access), userId],
      }),
    );
    return (rows[0] as { id: string }).id;
  };

  const keep = (records: Map<string, KnownRecord>, key: string, id: string): void => {
    records.delete(key);
    records.set(key, { id, seenAt: now() });
    if (records.size > capacity) records.delete(records.keys().next().value as string);
  };

  const load = (key: string, access: Access, userId: string | null): Promise<string> => {
    // An answer that arrives after `clear` goes to the map of before, because it may be from the database of before.
    const records = known;
    const found = store(access, userId).then((id) => {
      keep(records, key, id);
      return id;
    });
    loading.set(key, found);
    const loaded = (): void => {
      if (loading.get(key) === found) loading.delete(key);
    };
    found.then(loaded, loaded);
    return found;
  };

  return {
    /**
     * The id of the record of an access.
     * @param userId the user of the credential; null if it belongs to no user
     * @returns a promise if the database must be asked; it rejects with the error of the database
     */
    find: (access: Access, userId: string | null): string | Promise<string> => {
      const key = keyOf(access);
      const record = known.get(key);
      if (!record) return loading.get(key) ?? load(key, access, userId);
      // Not awaited: the record exists, and a time that is missing does not make the event wrong.
      if (now() - record.seenAt >= SEEN_EVERY_MS && !loading.has(key)) load(key, access, userId).catch(() => {});
      return record.id;
    },
    /** Forgets all ids. For a database that went back to an older copy, which may not have the records. */
    clear: (): void => {
      known = new Map();
      loading.clear();
    },
  };
};

/**
 * The access records of a process. Their ids are forgotten when the history of the log changes.
 * @param options see {@link createAccessRecords}
 */
export const openAccessRecords = (
  log: Pick<EventLog, 'onHistoryChange'>,
  options: AccessRecordsOptions,
): AccessRecords => {
  const records = createAccessRecords(options);
  log.onHistoryChange(records.clear);
  return records;
};

export abstract class AccessRecords extends tokenClass<ReturnType<typeof createAccessRecords>>() {}

/**
 * Erases the addresses and user agents of records that were last used more than `days` ago.
 * @param pool connects as the projector
 * @param limit the maximum number of records
 * @param now the time of this process. The earlier of its clock and that of the database counts
 * @returns the number of records
 */
export const eraseUnusedAccess = async (
  pool: Pool,
  days: number,
  limit: number,
  now: Date = new Date(),
): Promise<number> => {
  const { rows } = await withClient(pool, (client) =>
    client.query<{ erased: number }>('select access.erase_unused($1, $2, $3) as erased', [days, limit, now]),
  );
  return rows[0]?.erased ?? 0;
};
