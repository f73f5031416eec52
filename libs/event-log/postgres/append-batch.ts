import type { PoolClient } from 'pg';
import { plainArray, textArray } from '../../platform/database/array-literal';
import { type Append, type AppendResult, WrongExpectedVersion } from '../port';
import { currentVersion, type Upcasters } from '../upcasting';
import type { ValidAppend } from '../validate-append';
import type { Answer } from './append-queue';

const ACTOR_KINDS = { person: 'p', operator: 'o', stripe: 's', system: 'y' } as const;
const ANY = -1;

const APPEND = `select ord, outcome, version, last_position from event_log.append(
  $1::uuid[], $2::uuid[], $3::text[], $4::uuid[], $5::int[], $6::int[], $7::text[], $8::uuid[], $9::uuid[], $10::text[],
  $11::smallint[], $12::int[], $13::text[], $14::smallint[], $15::text[])`;

const APPEND_ONE = 'select event_log.append_one($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)';

const actorId = ({ actor }: Append): string | null => (actor.kind === 'person' ? actor.id : null);
/** The command id is the correlation where a request brought none of its own: not worth storing twice. */
const correlation = ({ correlationId, commandId }: Append): string | null =>
  correlationId === commandId ? null : correlationId;
const expectedOf = ({ expected }: Append): number => (expected === 'any' ? ANY : expected);

const sendOne = async (
  client: PoolClient,
  { append, json }: ValidAppend,
  upcasters: Upcasters,
): Promise<AppendResult | undefined> => {
  const [event] = append.events;
  if (!event || append.expected === 'any') return undefined;
  const { rows } = await client.query<[string | null]>({
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
  const position = rows[0]?.[0];
  if (!position) return undefined;
  return { version: append.expected + 1, position: BigInt(position), repeated: false };
};

const answerOf = ({ append }: ValidAppend, outcome: string, version: number, position: string): Answer => {
  if (outcome === 'c') return new WrongExpectedVersion(append.stream, append.expected, version);
  return { version, position: BigInt(position), repeated: outcome === 'r' };
};

/**
 * One round trip, one commit. Answers in the order of the batch.
 * @throws whatever `pg` throws; nothing of the batch was written then, unless the answer was lost on its way
 */
export const sendBatch = async (
  client: PoolClient,
  batch: readonly ValidAppend[],
  upcasters: Upcasters,
): Promise<Answer[]> => {
  const [first] = batch;
  if (batch.length === 1 && first?.json.length === 1) {
    const result = await sendOne(client, first, upcasters);
    if (result) return [result];
  }
  const appends = batch.map((one) => one.append);
  const events = batch.flatMap(({ append, json }, owner) =>
    append.events.map(({ type }, ordinal) => ({ owner: owner + 1, ordinal, type, json: json[ordinal] as string })),
  );
  const { rows } = await client.query<[number, string, number, string]>({
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
  for (const [ord, outcome, version, position] of rows) {
    const one = batch[ord - 1];
    if (one) answers[ord - 1] = answerOf(one, outcome, version, position);
  }
  return answers;
};
