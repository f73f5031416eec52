import type { Pool } from 'pg';
import type { Position } from '#event-log/port';
import { withClient } from '#platform/database/connections/pools';
import { tokenClass } from '#platform/token-class';
import { type Mode, readStripeEvent } from './stripe-event';

export const INBOX_STATES = ['pending', 'handled', 'ignored', 'quarantined', 'parked', 'skipped'] as const;
export type InboxState = (typeof INBOX_STATES)[number];

/** An event of the inbox as operators see it. */
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

/**
 * The commands of operators for the inbox. The commands about one event accept events of any account and mode.
 * @param pool connects as the projector
 * @param mode of this installation
 */
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
    /** The number of events in each state. States without events are left out. */
    counts: (): Promise<{ state: InboxState; n: number }[]> =>
      query(`select state, count(*)::integer as n from billing.inbox group by state order by state`, []),

    /** The events in a state, the newest first. */
    list: (state: InboxState, limit: number): Promise<InboxEntry[]> =>
      query(`select ${ENTRY} ${FROM} where i.state = $1 order by i.received_at desc limit $2`, [state, limit]),

    /** One event with its signed payload; undefined: there is no event with this id. */
    find,

    /**
     * Processes a parked, quarantined or skipped event again. Its payload is read again first, so that a corrected
     * release or setting takes effect.
     * @returns its new state, with the reason if it is still quarantined; undefined: there is no such event to retry
     */
    retry: async (eventId: string): Promise<{ readonly state: string; readonly reason: string | null } | undefined> => {
      const stored = await find(eventId);
      if (!stored) return undefined;
      const { type, customerId, createdAt, state, reason } = readStripeEvent(stored.payload, mode, stored.createdAt);
      const [row] = await query<{ state: string | null }>('select billing.retry($1, $2, $3, $4, $5, $6) as state', [
        ...[eventId, type, customerId, createdAt, state, reason],
      ]);
      return row?.state ? { state: row.state, reason } : undefined;
    },

    /**
     * Marks an event as skipped: it is not processed.
     * @returns false if there is no such event, or it is finished already
     */
    skip: async (eventId: string): Promise<boolean> => {
      const rows = await query(
        `update billing.inbox set state = 'skipped', handled_at = now()
         where event_id = $1 and state in ('pending', 'parked', 'quarantined') returning 1`,
        [eventId],
      );
      return rows.length > 0;
    },

    /** Requests that the customers of one tenant, or of all (null), are compared with Stripe. @returns their number */
    reconcile: async (tenantId: string | null): Promise<number> => {
      const [row] = await query<{ n: number }>('select billing.ask($1, $2, $3) as n', [
        ...[mode.account, mode.livemode, tenantId],
      ]);
      return row?.n ?? 0;
    },

    /** The number of customers of one tenant, or of all (null), that are still to be processed. */
    countUnprocessed: async (tenantId: string | null): Promise<number> => {
      const [row] = await query<{ n: number }>(
        `select count(*)::integer as n from billing.work w join billing.customers c using (account, livemode, customer_id)
         where w.account = $1 and w.livemode = $2 and ($3::uuid is null or c.tenant_id = $3)`,
        [mode.account, mode.livemode, tenantId],
      );
      return row?.n ?? 0;
    },

    /** Whether the tenant exists or has existed. */
    tenantExists: async (tenantId: string): Promise<boolean> =>
      (await query('select 1 from read_model.billing where tenant_id = $1', [tenantId])).length > 0,

    /** The corrections of reconciliation after a position, the newest first. @param tenantId null: of all tenants */
    corrections: (
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
