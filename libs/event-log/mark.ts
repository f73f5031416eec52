import type { EventLog, EventMark, Position } from './port';

/** An event and its log, as a checkpoint stores them in a column of the type `event_log.mark`. */
export interface LogMark extends EventMark {
  readonly logId: string;
}

/** The text of a value of the SQL type `event_log.mark`. Its fields never hold a character that would need quotes. */
export const markText = ({ logId, position, eventId, commandId, tenantId }: LogMark): string =>
  `(${logId},${position},${eventId},${commandId},${tenantId ?? ''})`;

/** The reverse of {@link markText}. */
export const parseMark = (text: string): LogMark => {
  const [logId = '', position = '0', eventId = '', commandId = '', tenantId = ''] = text.slice(1, -1).split(',');
  return { logId, position: BigInt(position), eventId, commandId, tenantId: tenantId === '' ? null : tenantId };
};

/**
 * An SQL condition for a statement that stores the results of events: false if the mark belongs to the log in the same
 * database and that log does not hold the mark's event. It is true for null, and for a mark of a log in another
 * database, which the statement cannot check.
 * @param parameter the parameter with the mark's text, such as `$5`
 */
export const logHoldsMark = (parameter: string): string => {
  const mark = `${parameter}::event_log.mark`;
  return `(${mark} is null or not exists (select from event_log.identity where log_id = (${mark}).log_id)
        or exists (select from event_log.events
          where position = (${mark}).position::bigint and command_id = (${mark}).command_id))`;
};

/** The position that a reader of the log has reached, and the event at it. */
export interface CheckpointMark {
  readonly position: Position;
  /** Undefined if the event is not known. */
  readonly mark?: LogMark | undefined;
}

/** The checkpoint of a reader of the log, with the reader's name. */
export interface NamedCheckpoint extends CheckpointMark {
  readonly name: string;
}

/**
 * Finds checkpoints that do not fit this log: they belong to another log, to an event that the log does not hold, or to
 * a position beyond its end.
 * @returns for the name of each such checkpoint a sentence that says what is wrong
 * @throws LogUnavailable
 */
export const findInvalidMarks = async (
  log: Pick<EventLog, 'identity' | 'lastEvent' | 'missing'>,
  checkpoints: readonly NamedCheckpoint[],
): Promise<Map<string, string>> => {
  const reasons = new Map<string, string>();
  const begun = checkpoints.filter(({ position }) => position > 0n);
  if (begun.length === 0) return reasons;
  const { logId } = await log.identity();
  const own = begun.flatMap(({ mark }) => (mark?.logId === logId ? [mark] : []));
  const missing = new Set((await log.missing(own)).map(({ position, eventId }) => `${position} ${eventId}`));
  const anyWithoutMark = begun.some(({ mark }) => mark === undefined);
  const head = anyWithoutMark ? ((await log.lastEvent())?.position ?? 0n) : 0n;
  for (const { name, position, mark } of begun) {
    if (mark && mark.logId !== logId) {
      reasons.set(
        name,
        `${name} is at position ${position} of another event log (${mark.logId}); this one is ${logId}`,
      );
    } else if (mark && missing.has(`${mark.position} ${mark.eventId}`)) {
      reasons.set(
        name,
        `${name} is at event ${mark.eventId}, position ${mark.position}, which the event log does not hold`,
      );
    } else if (!mark && position > head) {
      reasons.set(name, `${name} is at position ${position}, beyond the end of the event log at ${head}`);
    }
  }
  return reasons;
};
