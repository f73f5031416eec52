import type { Position } from '#event-log/port';
import type { TenantDb } from '#platform/database/scoped/scoped-db';
import { type Cause, findCauses, type HistoryRow, listHistory } from '#projections/billing/queries';
import { billingOf } from './billing-view';
import type { CauseDto, ReasonDto, WhyDto } from './why.dto';

/** Maximum number of entries: more than the number of decisions that can lead to a present state. */
const ENTRIES = 100;

const causeOf = ({ actor, correlationId }: HistoryRow, causes: ReadonlyMap<string, Cause>): CauseDto => {
  const event = causes.get(correlationId);
  const times = {
    createdAt: event?.createdAt.toISOString() ?? null,
    receivedAt: event?.receivedAt.toISOString() ?? null,
  };
  const isEvent = correlationId.startsWith('evt_');
  const kind = actor !== 'stripe' ? actor : isEvent ? 'stripe' : 'reconciliation';
  return { kind, event: isEvent ? correlationId : null, type: event?.type ?? null, ...times };
};

const reasonOf = (
  row: HistoryRow,
  causes: ReadonlyMap<string, Cause>,
  seal: (position: Position) => string,
): ReasonDto => ({
  position: seal(BigInt(row.position)),
  at: row.recordedAt.toISOString(),
  cause: causeOf(row, causes),
  decision: row.type,
  effect: row.data,
});

/**
 * The causes of the present plan and lock: the events from Stripe, the decisions, and what these changed.
 * @param seal makes the token of a position, because positions would reveal the use by all tenants
 */
export const whyOf = async (db: TenantDb, seal: (position: Position) => string): Promise<WhyDto> => {
  const [billing, history] = await Promise.all([billingOf(db), listHistory(db, ENTRIES)]);
  const ids = [...new Set(history.map(({ correlationId }) => correlationId))];
  const causes = new Map((await findCauses(db, ids)).map((cause) => [cause.eventId, cause]));
  return { plan: billing.plan, lock: billing.lock, data: history.map((row) => reasonOf(row, causes, seal)) };
};
