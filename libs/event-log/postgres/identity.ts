import type { Pool, PoolClient } from 'pg';
import type { Logger } from '#platform/logging/logger.port';
import { eventId } from '../event-id';
import type { HistoryReport } from '../history';
import { type EventMark, type LogIdentity, PositionsBehind } from '../port';
import { runRead } from './connections';

interface IdentityRow {
  readonly log_id: string;
  readonly epoch: number;
}

const identityOf = ({ log_id, epoch }: IdentityRow): LogIdentity => ({ logId: log_id, epoch });

const onlyRow = <T>([row]: readonly T[]): T => {
  // A migration inserted the row, and only the owner of the database may delete it.
  if (!row)
    throw new Error(
      'event_log.identity is empty: run `insert into event_log.identity default values` as the owner of the database',
    );
  return row;
};

/** @throws LogUnavailable */
export const readIdentity = (pool: Pool): Promise<LogIdentity> =>
  runRead(pool, async (client) => {
    const { rows } = await client.query<IdentityRow>('select log_id, epoch from event_log.identity');
    return identityOf(onlyRow(rows));
  });

/** Raises the epoch, unless another process has raised it since this process read it. @throws LogUnavailable */
export const beginEpoch = (pool: Pool, { epoch }: LogIdentity): Promise<LogIdentity> =>
  runRead(pool, async (client) => {
    const { rows } = await client.query<IdentityRow>('select log_id, epoch from event_log.begin_epoch($1)', [epoch]);
    return identityOf(onlyRow(rows));
  });

const FIND_MARKS = {
  name: 'find-marks',
  text: `select m.ord::integer, e.command_id, e.ordinal,
      exists (select from event_log.erased_tenants t where t.tenant_id = m.tenant_id) as erased
    from unnest($1::bigint[], $2::uuid[]) with ordinality as m (position, tenant_id, ord)
    left join event_log.events e on e.position = m.position`,
};

const marksWithoutEvent = async (client: PoolClient, marks: readonly EventMark[]): Promise<EventMark[]> => {
  if (marks.length === 0) return [];
  const { rows } = await client.query<{
    ord: number;
    command_id: string | null;
    ordinal: number | null;
    erased: boolean;
  }>({
    ...FIND_MARKS,
    values: [marks.map(({ position }) => position.toString()), marks.map(({ tenantId }) => tenantId)],
  });
  const found = new Set(
    rows
      .filter(({ ord, command_id, ordinal, erased }) =>
        // If there is no event at the position, the mark counts as found only if its tenant was erased.
        command_id === null || ordinal === null ? erased : eventId(command_id, ordinal) === marks[ord - 1]?.eventId,
      )
      .map(({ ord }) => ord),
  );
  return marks.filter((_, at) => !found.has(at + 1));
};

/** Those of the marks whose event the log does not hold. @throws LogUnavailable */
export const findMissing = (pool: Pool, marks: readonly EventMark[]): Promise<EventMark[]> =>
  runRead(pool, (client) => marksWithoutEvent(client, marks));

const INSPECT_HISTORY = {
  name: 'inspect-history',
  text: `select i.log_id, i.epoch, e.position, e.command_id, e.ordinal, e.tenant_id,
      coalesce(e.position > (select s.last_value - (not s.is_called)::integer from event_log.positions s), false) as behind
    from event_log.identity i left join lateral (
      select position, command_id, ordinal, tenant_id from event_log.events order by position desc limit 1
    ) e on true`,
};

/**
 * Reads the identity and the last event, and checks whether the log holds the mark's event. From these the caller
 * detects that the log went back to an older copy.
 * @returns the report, and in `behind` whether the sequence of positions is behind the last event
 * @throws LogUnavailable
 */
export const inspectHistory = (
  pool: Pool,
  mark: EventMark | undefined,
): Promise<HistoryReport & { readonly behind: boolean }> =>
  runRead(pool, async (client) => {
    const { rows } = await client.query<
      IdentityRow & {
        position: string | null;
        command_id: string;
        ordinal: number;
        tenant_id: string | null;
        behind: boolean;
      }
    >(INSPECT_HISTORY);
    const row = onlyRow(rows);
    const last: EventMark | undefined =
      row.position === null
        ? undefined
        : {
            position: BigInt(row.position),
            eventId: eventId(row.command_id, row.ordinal),
            commandId: row.command_id,
            tenantId: row.tenant_id,
          };
    const isLast = mark !== undefined && last?.position === mark.position && last.eventId === mark.eventId;
    const holds = mark === undefined || isLast || (await marksWithoutEvent(client, [mark])).length === 0;
    return { identity: identityOf(row), last, holds, behind: row.behind };
  });

const READ_SEQUENCE = {
  name: 'read-sequence',
  text: `select (s.last_value - (not s.is_called)::integer) as at, coalesce((select max(position) from event_log.events), 0) as head
    from event_log.positions s`,
};

/**
 * Raises the sequence of positions to the last event if it is behind.
 * @throws PositionsBehind the sequence is behind and could not be raised
 * @throws LogUnavailable
 */
export const checkPositions = async (pool: Pool, logger: Pick<Logger, 'warn'>): Promise<void> => {
  const readSequence = (): Promise<{ at: string; head: string }> =>
    runRead(pool, async (client) => onlyRow((await client.query<{ at: string; head: string }>(READ_SEQUENCE)).rows));
  const { at, head } = await readSequence();
  if (BigInt(at) >= BigInt(head)) return;
  try {
    await raisePositions(pool, logger);
  } catch (error) {
    throw new PositionsBehind(
      `The sequence event_log.positions is at ${at}, behind the last event at ${head}, and could not be raised. Run \`select setval('event_log.positions', ${head})\` as the owner of the database.`,
      { cause: error },
    );
  }
};

/** Raises the sequence of positions to the last event, and logs a warning if it was behind. @throws LogUnavailable */
export const raisePositions = async (pool: Pool, logger: Pick<Logger, 'warn'>): Promise<void> => {
  const raisedTo = await runRead(pool, async (client) => {
    const { rows } = await client.query<{ to: string | null }>('select event_log.raise_positions() as to');
    return rows[0]?.to ?? null;
  });
  if (raisedTo !== null) {
    logger.warn({ raisedTo }, 'the sequence event_log.positions was behind the last event and was raised to it');
  }
};
