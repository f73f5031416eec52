import type { PoolClient } from 'pg';
import { plainArray, textArray } from '../../platform/database/array-literal';
import { codeOf } from '../../platform/error-code';
import { type Append, WrongExpectedVersion } from '../port';
import { currentVersion, type Upcasters } from '../upcasting';
import type { ValidAppend } from '../validate-append';
import type { Answer } from './append-queue';
import type { EventRow } from './rows';

const ACTOR_KINDS = { person: 'p', operator: 'o', stripe: 's', system: 'y' } as const;
const ANY = -1;
const UNIQUE_VIOLATION = '23505';

const APPEND = `select ord, outcome, version, last_position, recorded_at from event_log.append(
  $1::uuid[], $2::uuid[], $3::text[], $4::uuid[], $5::int[], $6::int[], $7::text[], $8::uuid[], $9::uuid[], $10::text[],
  $11::smallint[], $12::int[], $13::text[], $14::smallint[], $15::text[])`;

const APPEND_ONE = 'select event_log.append_one($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)';

const actorId = ({ actor }: Append): string | null => (actor.kind === 'person' ? actor.id : null);
/** The command id is the correlation where a request brought none of its own: not worth storing twice. */
const correlation = ({ correlationId, commandId }: Append): string | null =>
  correlationId === commandId ? null : correlationId;
const expectedOf = ({ expected }: Append): number => (expected === 'any' ? ANY : expected);

export interface Sent {
  /** In the order of the batch. */
  readonly answers: Answer[];
  /** What was written now, as the log would be read back, in position order. */
  readonly written: EventRow[];
}

/** The rows of an append that was just written, as `COLUMNS` would show them. */
const rowsOf = (
  { append, json }: ValidAppend,
  { lastPosition, version, recordedAt }: { lastPosition: bigint; version: number; recordedAt: string },
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
    ACTOR_KINDS[append.actor.kind],
    stream.aggregate,
    type,
    correlation(append),
    json[ordinal] as string,
  ]);
};

const sendOne = async (client: PoolClient, one: ValidAppend, upcasters: Upcasters): Promise<Sent | undefined> => {
  const { append, json } = one;
  const [event] = append.events;
  if (!event || append.expected === 'any') return undefined;
  const answered = client.query<[string[] | null]>({
    name: 'append-one',
    text: APPEND_ONE,
    rowMode: 'array',
    values: [
      append.commandId,
      append.stream.tenantId,
      append.stream.aggregate,
      append.stream.id,
      append.expected,
      ACTOR_KINDS[append.actor.kind],
      actorId(append),
      append.causationId ?? null,
      correlation(append),
      event.type,
      currentVersion(upcasters, event.type),
      json[0],
    ],
  });
  const { rows } = await answered.catch((error: unknown) => {
    // The stream, or the command, is there already.
    if (codeOf(error) === UNIQUE_VIOLATION) return { rows: [] };
    throw error;
  });
  const [position, recordedAt] = rows[0]?.[0] ?? [];
  if (position === undefined || recordedAt === undefined) return undefined;
  const version = append.expected + 1;
  const lastPosition = BigInt(position);
  return {
    answers: [{ version, position: lastPosition, repeated: false }],
    written: rowsOf(one, { lastPosition, version, recordedAt }, upcasters),
  };
};

const answerOf = ({ append }: ValidAppend, outcome: string, version: number, position: string): Answer => {
  if (outcome === 'c') return new WrongExpectedVersion(append.stream, append.expected, version);
  return { version, position: BigInt(position), repeated: outcome === 'r' };
};

/**
 * One round trip, one commit.
 * @throws whatever `pg` throws; nothing of the batch was written then, unless the answer was lost on its way
 */
export const sendBatch = async (
  client: PoolClient,
  batch: readonly ValidAppend[],
  upcasters: Upcasters,
): Promise<Sent> => {
  const [first] = batch;
  if (batch.length === 1 && first?.json.length === 1) {
    const result = await sendOne(client, first, upcasters);
    if (result) return result;
  }
  const appends = batch.map((one) => one.append);
  const events = batch.flatMap(({ append, json }, owner) =>
    append.events.map(({ type }, ordinal) => ({ owner: owner + 1, ordinal, type, json: json[ordinal] as string })),
  );
  const { rows } = await client.query<[number, string, number, string, string]>({
    name: 'append',
    text: APPEND,
    rowMode: 'array',
    values: [
      plainArray(appends.map((a) => a.commandId)),
      plainArray(appends.map((a) => a.stream.tenantId)),
      plainArray(appends.map((a) => a.stream.aggregate)),
      plainArray(appends.map((a) => a.stream.id)),
      plainArray(appends.map(expectedOf)),
      plainArray(appends.map((a) => a.events.length)),
      plainArray(appends.map((a) => ACTOR_KINDS[a.actor.kind])),
      plainArray(appends.map(actorId)),
      plainArray(appends.map((a) => a.causationId ?? null)),
      textArray(appends.map(correlation)),
      plainArray(events.map((e) => e.ordinal)),
      plainArray(events.map((e) => e.owner)),
      textArray(events.map((e) => e.type)),
      plainArray(events.map((e) => currentVersion(upcasters, e.type))),
      textArray(events.map((e) => e.json)),
    ],
  });
  const answers: Answer[] = [];
  const written: EventRow[] = [];
  for (const [ord, outcome, version, position, recordedAt] of rows.sort(([a], [b]) => a - b)) {
    const one = batch[ord - 1];
    if (!one) continue;
    answers[ord - 1] = answerOf(one, outcome, version, position);
    if (outcome === 'a')
      written.push(...rowsOf(one, { lastPosition: BigInt(position), version, recordedAt }, upcasters));
  }
  return { answers, written };
};
