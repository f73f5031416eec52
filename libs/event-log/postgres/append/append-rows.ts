import type { Append } from '../../port';
import { currentVersion, type Upcasters } from '../../upcasting';
import type { ValidAppend } from '../../validate-append';
import type { EventRow } from '../rows';
import type { Answer } from './append-queue';

/** What came of a batch. */
export interface Sent {
  /** In the order of the batch. */
  readonly answers: Answer[];
  /** What was written now, as the log would be read back, in position order. */
  readonly written: EventRow[];
}

/** Where an append was written, and when. */
export interface Written {
  readonly lastPosition: bigint;
  /** The stream's version after it. */
  readonly version: number;
  /** ms since 1970. */
  readonly recordedAt: string;
}

const ACTOR_KINDS = { user: 'u', operator: 'o', stripe: 's', system: 'y' } as const;

export const actorKind = ({ actor }: Append): string => ACTOR_KINDS[actor.kind];
export const actorId = ({ actor }: Append): string | null => (actor.kind === 'user' ? actor.id : null);
/** The command id is the correlation where a request brought none of its own: not worth storing twice. */
export const correlation = ({ correlationId, commandId }: Append): string | null =>
  correlationId === commandId ? null : correlationId;

/** The rows of an append that was just written, as `COLUMNS` would show them. */
export const rowsOf = (
  { append, json }: ValidAppend,
  { lastPosition, version, recordedAt }: Written,
  upcasters: Upcasters,
): EventRow[] => {
  const { stream, events } = append;
  const before = events.length - 1;
  return events.map(({ type }, ordinal) => [
    (lastPosition - BigInt(before - ordinal)).toString(),
    recordedAt,
    append.commandId,
    stream.id,
    stream.tenantId,
    actorId(append),
    append.causationId ?? null,
    String(version - (before - ordinal)),
    String(ordinal),
    String(currentVersion(upcasters, type)),
    actorKind(append),
    stream.aggregate,
    type,
    correlation(append),
    json[ordinal] as string,
  ]);
};
