import type { EventLog, EventMark, Position } from './port';

/** An event of a log, as checkpoints keep it: in a column of the type `event_log.mark`. */
export interface LogMark extends EventMark {
  readonly logId: string;
}

/** As PostgreSQL writes the type `event_log.mark`; its fields hold no character of that syntax. */
export const markText = ({ logId, position, eventId, commandId, tenantId }: LogMark): string =>
  `(${logId},${position},${eventId},${commandId},${tenantId ?? ''})`;

/** The reverse of {@link markText}. */
export const parseMark = (text: string): LogMark => {
  const [logId = '', position = '0', eventId = '', commandId = '', tenantId = ''] = text.slice(1, -1).split(',');
  return { logId, position: BigInt(position), eventId, commandId, tenantId: tenantId === '' ? null : tenantId };
};

/**
 * A condition in SQL, for the statement that writes what was made of events: false where the mark is of the log in this
 * database, which does not hold its event. A mark of a log elsewhere cannot be checked there and passes, as does null.
 * @param parameter `$5`
 */
export const heldByLog = (parameter: string): string => {
  const mark = `${parameter}::event_log.mark`;
  return `(${mark} is null or not exists (select from event_log.identity where log_id = (${mark}).log_id)
        or exists (select from event_log.events
          where position = (${mark}).position::bigint and command_id = (${mark}).command_id))`;
};

/** How far a reader of the log is, and at which event. */
export interface CheckpointMark {
  readonly position: Position;
  /** Undefined: not known. */
  readonly mark?: LogMark | undefined;
}

/** A reader of the log by its name, and how far it is. */
export interface NamedCheckpoint extends CheckpointMark {
  readonly name: string;
}

/**
 * Those of the places that are no places of this log, each with a sentence that says why: of another log, at an event that
 * the log does not hold, or beyond its end.
 * @throws LogUnavailable
 */
export const findInvalidMarks = async (
  log: Pick<EventLog, 'identity' | 'lastEvent' | 'missing'>,
  places: readonly NamedCheckpoint[],
): Promise<Map<string, string>> => {
  const found = new Map<string, string>();
  const begun = places.filter(({ position }) => position > 0n);
  if (begun.length === 0) return found;
  const { logId } = await log.identity();
  const own = begun.flatMap(({ mark }) => (mark?.logId === logId ? [mark] : []));
  const missing = new Set((await log.missing(own)).map(({ position, eventId }) => `${position} ${eventId}`));
  const nameless = begun.some(({ mark }) => mark === undefined);
  const head = nameless ? ((await log.lastEvent())?.position ?? 0n) : 0n;
  for (const { name, position, mark } of begun) {
    if (mark && mark.logId !== logId) {
      found.set(name, `${name} is at position ${position} of another event log (${mark.logId}); this one is ${logId}`);
    } else if (mark && missing.has(`${mark.position} ${mark.eventId}`)) {
      found.set(
        name,
        `${name} is at event ${mark.eventId}, position ${mark.position}, which the event log does not hold`,
      );
    } else if (!mark && position > head) {
      found.set(name, `${name} is at position ${position}, beyond the end of the event log at ${head}`);
    }
  }
  return found;
};
