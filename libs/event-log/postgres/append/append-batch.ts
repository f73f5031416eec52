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
import { actorId, actorKind, correlation, rowsOf, type Sent } from './append-rows';

const ANY = -1;
const UNIQUE_VIOLATION = '23505';

const APPEND = `select ord, outcome, version, last_position, recorded_at from event_log.append(
  $1::uuid[], $2::uuid[], $3::text[], $4::uuid[], $5::int[], $6::int[], $7::text[], $8::uuid[], $9::uuid[], $10::text[],
  $11::smallint[], $12::int[], $13::text[], $14::smallint[], $15::text[], $16::uuid[])`;

const expectedOf = ({ expected }: Append): number => (expected === 'any' ? ANY : expected);

const answerOf = ({ append }: ValidAppend, outcome: string, version: number, position: string): Answer => {
  if (outcome === 'c') return new WrongExpectedVersion(append.stream, append.expected, version);
  return { version, position: BigInt(position), repeated: outcome === 'r' };
};

/** Any batch: each append is looked up, and answered on its own. */
const sendEach = async (client: PoolClient, batch: readonly ValidAppend[], upcasters: Upcasters): Promise<Sent> => {
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

/**
 * One round trip, one commit; one more where a stream or a command of the batch is not what its caller believes.
 * @throws whatever `pg` throws; nothing of the batch was written then, unless the answer was lost on its way
 */
export const sendBatch = async (
  client: PoolClient,
  batch: readonly ValidAppend[],
  upcasters: Upcasters,
): Promise<Sent> => {
  const [first] = batch;
  const alone = batch.length === 1 && first?.json.length === 1;
  const sent = alone ? sendOne(client, first, upcasters) : sendExpected(client, batch, upcasters);
  const taken = await sent.catch((error: unknown) => {
    // A stream, or a command, is there already.
    if (codeOf(error) === UNIQUE_VIOLATION) return undefined;
    throw error;
  });
  return taken ?? sendEach(client, batch, upcasters);
};
