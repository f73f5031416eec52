import type { TenantDb } from '#platform/database/scoped/scoped-db';
import { type Cause, findCauses, type HistoryRow, listHistory } from '#projections/billing/queries';
import type { CauseDto, ReasonDto, WhyDto } from './billing.dto';
import { billingOf } from './billing-view';

/** Maximum number of entries: more than any present state can have as causes. */
const FACTS = 100;

const causeOf = ({ actor, correlationId }: HistoryRow, told: ReadonlyMap<string, Cause>): CauseDto => {
  const event = told.get(correlationId);
  const times = {
    createdAt: event?.createdAt.toISOString() ?? null,
    receivedAt: event?.receivedAt.toISOString() ?? null,
  };
  const isEvent = correlationId.startsWith('evt_');
  const kind = actor !== 'stripe' ? actor : isEvent ? 'stripe' : 'reconciliation';
  return { kind, event: isEvent ? correlationId : null, type: event?.type ?? null, ...times };
};

const reasonOf = (row: HistoryRow, told: ReadonlyMap<string, Cause>): ReasonDto => ({
  position: row.position,
  at: row.recordedAt.toISOString(),
  cause: causeOf(row, told),
  decision: row.type,
  effect: row.data,
});

/** The chain of causes behind the present plan and lock: what Stripe told, what was decided, what that changed. */
export const whyOf = async (db: TenantDb): Promise<WhyDto> => {
  const [billing, history] = await Promise.all([billingOf(db), listHistory(db, FACTS)]);
  const ids = [...new Set(history.map(({ correlationId }) => correlationId))];
  const told = new Map((await findCauses(db, ids)).map((cause) => [cause.eventId, cause]));
  return { plan: billing.plan, lock: billing.lock, data: history.map((row) => reasonOf(row, told)) };
};
