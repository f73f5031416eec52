import type { Append } from '../../port';
import { currentVersion, type Upcasters } from '../../upcasting';
import type { ValidAppend } from '../../validate-append';
import type { EventRow } from '../rows';
import type { Answer } from './append-queue';

/** The result of a batch. */
export interface BatchResult {
  /** In the order of the batch. */
  readonly answers: Answer[];
  /** The rows that this batch wrote, as a read of the log would return them, in position order. */
  readonly written: EventRow[];
}

/** The place and the time of an append that was written. */
export interface WrittenAppend {
  readonly lastPosition: bigint;
  /** The version of the stream after the append. */
  readonly version: number;
  /** ms since 1970, as text. */
  readonly recordedAt: string;
}

const ACTOR_KINDS = { user: 'u', operator: 'o', stripe: 's', system: 'y' } as const;

export const actorKind = ({ actor }: Append): string => ACTOR_KINDS[actor.kind];
export const actorId = ({ actor }: Append): string | null => ('id' in actor ? actor.id : null);
/** Null if the correlation id is the command id, as for a request without a correlation id: it is not stored twice. */
export const correlation = ({ correlationId, commandId }: Append): string | null =>
  correlationId === commandId ? null : correlationId;

/** The rows of an append that was just written, in the order of `COLUMNS`. */
export const rowsOf = (
  { append, json }: ValidAppend,
  { lastPosition, version, recordedAt }: WrittenAppend,
  upcasters: Upcasters,
): EventRow[] => {
  const { stream, events } = append;
  const lastOrdinal = events.length - 1;
  return events.map(({ type }, ordinal) => [
    (lastPosition - BigInt(lastOrdinal - ordinal)).toString(),
    recordedAt,
    append.commandId,
    stream.id,
    stream.tenantId,
    actorId(append),
    append.causationId ?? null,
    String(version - (lastOrdinal - ordinal)),
    String(ordinal),
    String(currentVersion(upcasters, type)),
    actorKind(append),
    stream.aggregate,
    type,
    correlation(append),
    json[ordinal] as string,
    append.accessId ?? null,
  ]);
};
