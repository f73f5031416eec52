import { type HistoryReport, markOf } from '../../history';
import { type EventMark, LogUnavailable, type Position } from '../../port';
import { tenantPrefix } from '../../stream-id';
import { decode } from '../codec';
import type { Identity } from '../identity';
import { readBackwards, readForwards } from './client-reads';
import type { ReadDeps } from './read-deps';

const FIRST_PAGE = 32;
const LARGEST_PAGE = 4_096;
/** The maximum number of records of the server and of other applications that are read to find one of this product. */
const MAX_SCANNED = 20_000;

/** The record at a position of the log; undefined if there is none. @throws LogUnavailable */
const recordAt = async ({ connection, idleMs }: ReadDeps, position: Position) => {
  try {
    const [record] = await readForwards(connection, position, 1, idleMs);
    return record?.event?.position.commit === position ? record.event : undefined;
  } catch (error) {
    // The server answers with this error if no record begins at the position.
    const message = error instanceof LogUnavailable ? `${error.message} ${error.cause}` : '';
    if (/invalid ?position/i.test(message)) return undefined;
    throw error;
  }
};

/**
 * The last event at or before a position that was received from this log; the last event of the whole log by default.
 * @returns undefined if none of the last {@link MAX_SCANNED} records before the position is an event of this product
 * @throws LogUnavailable
 */
export const readLastEvent = async (deps: ReadDeps, notAfter?: Position): Promise<EventMark | undefined> => {
  const at = notAfter === undefined ? undefined : decode(await recordAt(deps, notAfter), deps.upcasters);
  if (at) return markOf(at);
  let from = notAfter;
  let size = FIRST_PAGE;
  for (let scanned = 0; scanned < MAX_SCANNED; size = Math.min(size * 4, LARGEST_PAGE)) {
    const records = await readBackwards(deps.connection, from, size, deps.idleMs);
    for (const { event } of records) {
      const decoded = decode(event, deps.upcasters);
      if (decoded) return markOf(decoded);
    }
    from = records.at(-1)?.event?.position.commit;
    if (from === undefined || records.length < size) return undefined;
    scanned += records.length;
  }
  return undefined;
};

/** The marks whose event is missing in the log and was not erased with its tenant. @throws LogUnavailable */
export const findMissing = async (deps: ReadDeps, marks: readonly EventMark[]): Promise<EventMark[]> => {
  const found = await Promise.all(
    marks.map(async ({ position, eventId, tenantId }) => {
      if ((await recordAt(deps, position))?.id === eventId) return true;
      // The event may have been removed by a scavenge after the erasure of its tenant.
      await deps.erasures.keepFresh();
      return tenantId !== null && deps.erasures.isErased(tenantPrefix(tenantId));
    }),
  );
  return marks.filter((_, at) => !found[at]);
};

/**
 * Reads the identity and the last event, and checks whether the log holds the mark's event. From these the caller
 * detects that the log was replaced or went back to an older copy.
 * @throws LogUnavailable
 */
export const inspectHistory = async (
  deps: ReadDeps,
  identity: Identity,
  mark: EventMark | undefined,
): Promise<HistoryReport> => {
  const [known, last] = await Promise.all([identity.read(), readLastEvent(deps)]);
  const holds = mark === undefined || mark.eventId === last?.eventId || (await findMissing(deps, [mark])).length === 0;
  return { identity: known, last, holds };
};
