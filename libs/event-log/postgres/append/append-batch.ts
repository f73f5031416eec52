import type { PoolClient } from 'pg';
import { plainArray, textArray } from '#platform/database/array-literal';
import { codeOf } from '#platform/error-code';
import { type Append, WrongExpectedVersion } from '../../port';
import { currentVersion, type Upcasters } from '../../upcasting';
import type { ValidAppend } from '../../validate-append';
import type { EventRow } from '../rows';
import { sendExpected } from './append-expected';
import { sendOne } from './append-one';
import type { Answer } from './append-queue';
import { actorId, actorKind, type BatchResult, correlation, rowsOf } from './append-rows';

const ANY = -1;
const UNIQUE_VIOLATION = '23505';

const APPEND = `select ord, outcome, version, last_position, recorded_at from event_log.append(
  $1::uuid[], $2::uuid[], $3::text[], $4::uuid[], $5::int[], $6::int[], $7::text[], $8::uuid[], $9::uuid[], $10::text[],
  $11::smallint[], $12::int[], $13::text[], $14::smallint[], $15::text[], $16::uuid[], $17::uuid[])`;

const expectedOf = ({ expected }: Append): number => (expected === 'any' ? ANY : expected);

const answerOf = ({ append }: ValidAppend, outcome: string, version: number, position: string): Answer => {
  if (outcome === 'c') return new WrongExpectedVersion(append.stream, append.expected, version);
  return { version, position: BigInt(position), repeated: outcome === 'r' };
};

/** Sends any batch: the server checks each append and answers each on its own. */
const sendEach = async (
  client: PoolClient,
  batch: readonly ValidAppend[],
  upcasters: Upcasters,
): Promise<BatchResult> => {
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
      plainArray(appends.map(actorKind)),
      plainArray(appends.map(actorId)),
      plainArray(appends.map((a) => a.causationId ?? null)),
      textArray(appends.map(correlation)),
      plainArray(events.map((e) => e.ordinal)),
      plainArray(events.map((e) => e.owner)),
      textArray(events.map((e) => e.type)),
      plainArray(events.map((e) => currentVersion(upcasters, e.type))),
      textArray(events.map((e) => e.json)),
      plainArray(appends.map((a) => a.expectedCommandId ?? null)),
      plainArray(appends.map((a) => a.accessId ?? null)),
    ],
  });
  const answers: Answer[] = [];
  const written: EventRow[] = [];
  // Outcomes: `a` appended, `r` repeated, `c` conflict.
  for (const [ord, outcome, version, position, recordedAt] of rows.sort(([a], [b]) => a - b)) {
    const one = batch[ord - 1];
    if (!one) continue;
    answers[ord - 1] = answerOf(one, outcome, version, position);
    if (outcome === 'a')
      written.push(...rowsOf(one, { lastPosition: BigInt(position), version, recordedAt }, upcasters));
  }
  return { answers, written };
};

/**
 * Sends a batch in one round trip with one commit. A second round trip follows if a stream has another version than its
 * append expects, or if a command was stored before.
 * @throws the errors of `pg`; nothing of the batch was written then, unless the answer of the server was lost
 */
export const sendBatch = async (
  client: PoolClient,
  batch: readonly ValidAppend[],
  upcasters: Upcasters,
): Promise<BatchResult> => {
  const [first] = batch;
  const alone = batch.length === 1 && first?.json.length === 1;
  const sent = alone ? sendOne(client, first, upcasters) : sendExpected(client, batch, upcasters);
  const result = await sent.catch((error: unknown) => {
    // A stream or a command exists already.
    if (codeOf(error) === UNIQUE_VIOLATION) return undefined;
    throw error;
  });
  return result ?? sendEach(client, batch, upcasters);
};
