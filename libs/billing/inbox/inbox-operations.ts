import type { Pool } from 'pg';
import type { Position } from '#event-log/port';
import { withClient } from '#platform/database/connections/pools';
import { tokenClass } from '#platform/token-class';
import { type Mode, readStripeEvent } from './stripe-event';

export const INBOX_STATES = ['pending', 'handled', 'ignored', 'quarantined', 'parked', 'skipped'] as const;
export type InboxState = (typeof INBOX_STATES)[number];

/** What Stripe told, as an operator looks at it. */
export interface InboxEntry {
  readonly eventId: string;
  readonly type: string;
  readonly customerId: string | null;
  readonly tenantId: string | null;
  readonly state: InboxState;
  readonly reason: string | null;
  readonly createdAt: Date;
  readonly receivedAt: Date;
  readonly handledAt: Date | null;
}

const ENTRY = `i.event_id as "eventId", i.type, i.customer_id as "customerId", c.tenant_id as "tenantId", i.state, i.reason,
  i.created_at as "createdAt", i.received_at as "receivedAt", i.handled_at as "handledAt"`;
const FROM = 'from billing.inbox i left join billing.customers c using (account, livemode, customer_id)';

/** What operators do with the inbox. @param pool connects as the projector @param mode of this installation */
export const createInboxOperations = (pool: Pool, mode: Mode) => {
  const query = async <Row>(text: string, values: unknown[]): Promise<Row[]> =>
    (await withClient(pool, (client) => client.query(text, values))).rows as Row[];
  const find = async (eventId: string): Promise<(InboxEntry & { readonly payload: string }) | undefined> => {
    const [row] = await query<InboxEntry & { payload: string }>(
      `select ${ENTRY}, i.payload ${FROM} where i.event_id = $1 limit 1`,
      [eventId],
    );
    return row;
  };

  return {
    /** How many there are of each state. */
    counts: (): Promise<{ state: InboxState; n: number }[]> =>
      query(`select state, count(*)::integer as n from billing.inbox group by state order by state`, []),

    /** The newest first. */
    list: (state: InboxState, limit: number): Promise<InboxEntry[]> =>
      query(`select ${ENTRY} ${FROM} where i.state = $1 order by i.received_at desc limit $2`, [state, limit]),

    /** One event with what was signed; undefined where it is not known. */
    find,

    /**
     * Once more, from the beginning: it is read again, too. @returns what it is then, `pending` or still put aside;
     * undefined where it is nothing to try again
     */
    retry: async (eventId: string): Promise<{ readonly state: string; readonly reason: string | null } | undefined> => {
      const known = await find(eventId);
      if (!known) return undefined;
      const { type, customerId, createdAt, state, reason } = readStripeEvent(known.payload, mode, known.createdAt);
      const [row] = await query<{ state: string | null }>('select billing.retry($1, $2, $3, $4, $5, $6) as state', [
        ...[eventId, type, customerId, createdAt, state, reason],
      ]);
      return row?.state ? { state: row.state, reason } : undefined;
    },

    /** Leaves it alone for good. @returns false where it was handled, or left alone already */
    skip: async (eventId: string): Promise<boolean> => {
      const rows = await query(
        `update billing.inbox set state = 'skipped', handled_at = now()
         where event_id = $1 and state in ('pending', 'parked', 'quarantined') returning 1`,
        [eventId],
      );
      return rows.length > 0;
    },

    /** Asks for customers to be compared with Stripe. @param tenantId null: all @returns how many */
    reconcile: async (tenantId: string | null): Promise<number> => {
      const [row] = await query<{ n: number }>('select billing.ask($1, $2, $3) as n', [
        ...[mode.account, mode.livemode, tenantId],
      ]);
      return row?.n ?? 0;
    },

    /** How many of them are still to be looked at. */
    left: async (tenantId: string | null): Promise<number> => {
      const [row] = await query<{ n: number }>(
        `select count(*)::integer as n from billing.work w join billing.customers c using (account, livemode, customer_id)
         where w.account = $1 and w.livemode = $2 and ($3::uuid is null or c.tenant_id = $3)`,
        [mode.account, mode.livemode, tenantId],
      );
      return row?.n ?? 0;
    },

    /** Whether there is, or was, such a tenant. */
    knows: async (tenantId: string): Promise<boolean> =>
      (await query('select 1 from read_model.billing where tenant_id = $1', [tenantId])).length > 0,

    /** What reconciliation mended after that position, the newest first. @param tenantId null: of all */
    drift: (
      tenantId: string | null,
      after: Position,
      limit: number,
    ): Promise<{ tenantId: string; facts: readonly string[] }[]> =>
      query(
        `select tenant_id as "tenantId", data -> 'facts' as facts from read_model.billing_history
         where type = 'BillingDriftRepaired' and billing_history.position > $1 and ($2::uuid is null or tenant_id = $2)
         order by billing_history.position desc limit $3`,
        [after, tenantId, limit],
      ),
  };
};

export abstract class InboxOperations extends tokenClass<ReturnType<typeof createInboxOperations>>() {}
