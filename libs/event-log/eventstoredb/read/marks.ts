import { type HistoryReport, markOf } from '../../history';
import { type EventMark, LogUnavailable, type Position } from '../../port';
import { tenantPrefix } from '../../stream-id';
import { decode } from '../codec';
import type { Identity } from '../identity';
import { readBackwards, readForwards } from './client-reads';
import type { ReadDeps } from './read-deps';

const FIRST_PAGE = 32;
const LARGEST_PAGE = 4_096;
/** Records of the server and of other applications that are looked through for one of this product. */
const LOOKED_THROUGH = 20_000;

/** The record at a position of the log; undefined where there is none. @throws LogUnavailable */
const recordAt = async ({ connection, idleMs }: ReadDeps, position: Position) => {
  try {
    const [record] = await readForwards(connection, position, 1, idleMs);
    return record?.event?.position.commit === position ? record.event : undefined;
  } catch (error) {
    // The server says so of a position that no record begins at.
    const said = error instanceof LogUnavailable ? `${error.message} ${error.cause}` : '';
    if (/invalid ?position/i.test(said)) return undefined;
    throw error;
  }
};

/**
 * The last event at or before a position that was received from this log; of the whole log by default. Undefined where
 * none is near. @throws LogUnavailable
 */
export const readLastEvent = async (reading: ReadDeps, notAfter?: Position): Promise<EventMark | undefined> => {
  const at = notAfter === undefined ? undefined : decode(await recordAt(reading, notAfter), reading.upcasters);
  if (at) return markOf(at);
  let from = notAfter;
  let size = FIRST_PAGE;
  for (let looked = 0; looked < LOOKED_THROUGH; size = Math.min(size * 4, LARGEST_PAGE)) {
    const records = await readBackwards(reading.connection, from, size, reading.idleMs);
    for (const { event } of records) {
      const decoded = decode(event, reading.upcasters);
      if (decoded) return markOf(decoded);
    }
    from = records.at(-1)?.event?.position.commit;
    if (from === undefined || records.length < size) return undefined;
    looked += records.length;
  }
  return undefined;
};

/** Those of the marks whose event the log does not hold. @throws LogUnavailable */
export const findMissing = async (reading: ReadDeps, marks: readonly EventMark[]): Promise<EventMark[]> => {
  const held = await Promise.all(
    marks.map(async ({ position, eventId, tenantId }) => {
      if ((await recordAt(reading, position))?.id === eventId) return true;
      // Scavenged after the erasure of its tenant.
      await reading.erasures.keepFresh();
      return tenantId !== null && reading.erasures.hide(tenantPrefix(tenantId));
    }),
  );
  return marks.filter((_, at) => !held[at]);
};

/** The identity that shows whether the log was replaced or restored from an older copy. @throws LogUnavailable */
export const inspectHistory = async (
  reading: ReadDeps,
  identity: Identity,
  mark: EventMark | undefined,
): Promise<HistoryReport> => {
  const [known, last] = await Promise.all([identity.read(), readLastEvent(reading)]);
  const holds =
    mark === undefined || mark.eventId === last?.eventId || (await findMissing(reading, [mark])).length === 0;
  return { identity: known, last, holds };
};
