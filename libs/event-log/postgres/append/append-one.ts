import type { PoolClient } from 'pg';
import { currentVersion, type Upcasters } from '../../upcasting';
import type { ValidAppend } from '../../validate-append';
import { actorId, actorKind, type BatchResult, correlation, rowsOf } from './append-rows';

const APPEND_ONE = 'select event_log.append_one($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)';

/**
 * Sends one append of one event with a number as its expected version.
 * @returns undefined if the append is of another form, or if the server does not accept it; nothing was written then
 */
export const sendOne = async (
  client: PoolClient,
  item: ValidAppend,
  upcasters: Upcasters,
): Promise<BatchResult | undefined> => {
  const { append, json } = item;
  const [event] = append.events;
  if (!event || append.expected === 'any') return undefined;
  const { rows } = await client.query<[string[] | null]>({
    name: 'append-one',
    text: APPEND_ONE,
    rowMode: 'array',
    values: [
      append.commandId,
      append.stream.tenantId,
      append.stream.aggregate,
      append.stream.id,
      append.expected,
      actorKind(append),
      actorId(append),
      append.causationId ?? null,
      correlation(append),
      event.type,
      currentVersion(upcasters, event.type),
      json[0],
      append.expectedCommandId ?? null,
      append.accessId ?? null,
    ],
  });
  const [position, recordedAt] = rows[0]?.[0] ?? [];
  if (position === undefined || recordedAt === undefined) return undefined;
  const version = append.expected + 1;
  const lastPosition = BigInt(position);
  return {
    answers: [{ version, position: lastPosition, repeated: false }],
    written: rowsOf(item, { lastPosition, version, recordedAt }, upcasters),
  };
};
