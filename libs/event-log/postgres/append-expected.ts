import type { PoolClient } from 'pg';
import { plainArray, textArray } from '../../platform/database/array-literal';
import { currentVersion, type Upcasters } from '../upcasting';
import type { ValidAppend } from '../validate-append';
import type { Answer } from './append-queue';
import { actorId, actorKind, correlation, rowsOf, type Sent } from './append-rows';
import type { EventRow } from './rows';

const APPEND_EXPECTED = 'select event_log.append_expected($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)';

/** Appends that all name the version they expect; undefined where the server does not take them all. */
export const sendExpected = async (
  client: PoolClient,
  batch: readonly ValidAppend[],
  upcasters: Upcasters,
): Promise<Sent | undefined> => {
  if (batch.some(({ append }) => append.expected === 'any')) return undefined;
  const events = batch.flatMap(({ append, json }) =>
    append.events.map(({ type }, ordinal) => ({ append, ordinal, type, json: json[ordinal] as string })),
  );
  const knowsCommands = batch.some(({ append }) => append.expectedCommandId !== undefined);
  const { rows } = await client.query<[string[] | null]>({
    name: 'append-expected',
    text: APPEND_EXPECTED,
    rowMode: 'array',
    values: [
      plainArray(events.map(({ append }) => append.commandId)),
      plainArray(events.map(({ append }) => append.stream.tenantId)),
      plainArray(events.map(({ append }) => append.stream.aggregate)),
      plainArray(events.map(({ append }) => append.stream.id)),
      plainArray(events.map(({ append }) => append.expected)),
      plainArray(events.map(({ ordinal }) => ordinal)),
      plainArray(events.map(({ append }) => actorKind(append))),
      plainArray(events.map(({ append }) => actorId(append))),
      plainArray(events.map(({ append }) => append.causationId ?? null)),
      textArray(events.map(({ append }) => correlation(append))),
      textArray(events.map(({ type }) => type)),
      plainArray(events.map(({ type }) => currentVersion(upcasters, type))),
      textArray(events.map(({ json }) => json)),
      knowsCommands ? plainArray(events.map(({ append }) => append.expectedCommandId ?? null)) : null,
    ],
  });
  const [last, recordedAt] = rows[0]?.[0] ?? [];
  if (last === undefined || recordedAt === undefined) return undefined;
  const answers: Answer[] = [];
  const written: EventRow[] = [];
  let lastPosition = BigInt(last) - BigInt(events.length);
  for (const one of batch) {
    const { expected, events: appended } = one.append;
    const version = Number(expected) + appended.length;
    lastPosition += BigInt(appended.length);
    answers.push({ version, position: lastPosition, repeated: false });
    written.push(...rowsOf(one, { lastPosition, version, recordedAt }, upcasters));
  }
  return { answers, written };
};
