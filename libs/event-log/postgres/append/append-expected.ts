import type { PoolClient } from 'pg';
import type { Upcasters } from '../../upcasting';
import type { ValidAppend } from '../../validate-append';
import type { EventRow } from '../rows';
import { columnsOf } from './append-columns';
import type { Answer } from './append-queue';
import { type BatchResult, rowsOf } from './append-rows';

const APPEND_EXPECTED =
  'select event_log.append_expected($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)';

/**
 * Sends a batch in which every append has a number as its expected version.
 * @returns undefined if an append expects `any`, or if the server does not accept every append; nothing was written
 * then
 */
export const sendExpected = async (
  client: PoolClient,
  batch: readonly ValidAppend[],
  upcasters: Upcasters,
): Promise<BatchResult | undefined> => {
  if (batch.some(({ append }) => append.expected === 'any')) return undefined;
  const columns = columnsOf(batch, upcasters);
  const { rows } = await client.query<[string[] | null]>({
    name: 'append-expected',
    text: APPEND_EXPECTED,
    rowMode: 'array',
    values: columns.values,
  });
  const [last, recordedAt] = rows[0]?.[0] ?? [];
  if (last === undefined || recordedAt === undefined) return undefined;
  const answers: Answer[] = [];
  const written: EventRow[] = [];
  let lastPosition = BigInt(last) - BigInt(columns.events);
  for (const item of batch) {
    const { expected, events: appended } = item.append;
    const version = Number(expected) + appended.length;
    lastPosition += BigInt(appended.length);
    answers.push({ version, position: lastPosition, repeated: false });
    written.push(...rowsOf(item, { lastPosition, version, recordedAt }, upcasters));
  }
  return { answers, written };
};
