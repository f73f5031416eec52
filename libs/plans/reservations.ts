import type { Pool } from 'pg';
import { withClient } from '#platform/database/connections/pools';
import type { ScopedDb, Statement } from '#platform/database/scoped/scoped-db';

/**
 * Seconds after which nobody waits any more for what reserved: longer than any append takes, with all its timeouts, and
 * short enough that a place that a killed process left behind is free again within a minute.
 */
export const RESERVED_SECONDS = 30;

export interface ReservationRequest {
  readonly tenantId: string;
  readonly commandId: string;
  readonly resource: 'projects' | 'tasks';
  /** What it is counted in: the tenant, or the project. */
  readonly scopeId: string;
  readonly unitId: string;
}

/** A reservation that is there; `overdue`: its time is over. */
export interface HeldReservation extends ReservationRequest {
  readonly overdue: boolean;
}

const RESERVE: Statement = {
  name: 'reserve',
  text: `select taken, used, held from plans.reserve($1, $2, $3, $4, $5, $6, ${RESERVED_SECONDS})`,
};

const COLUMNS = `tenant_id as "tenantId", command_id as "commandId", resource, scope_id as "scopeId", unit_id as "unitId"`;

const HELD_IN: Statement = {
  name: 'held-reservations',
  text: `select ${COLUMNS}, overdue_at <= lease.now() as overdue from plans.reservations
    where tenant_id = (select nullif(current_setting('app.tenant_id', true), '')::uuid) and scope_id = $1
    order by overdue_at limit 100`,
};

const RANK: Statement = {
  name: 'rank-of-unit',
  text: `select (select count(*)::integer from (
      select from read_model.plan_units u where u.tenant_id = it.tenant_id and u.scope_id = it.scope_id
        and u.unit_id < it.unit_id limit $2) older) as rank
    from read_model.plan_units it
    where it.tenant_id = (select nullif(current_setting('app.tenant_id', true), '')::uuid) and it.unit_id = $1`,
};

const PROJECTS: Statement = {
  name: 'projects-in-use',
  text: `select projects from read_model.plan_counts
    where tenant_id = (select nullif(current_setting('app.tenant_id', true), '')::uuid)`,
};

/** What is taken of limits across streams, in one round trip each. */
export const createReservations = ({ db, pool }: { readonly db: ScopedDb; readonly pool: Pool }) => ({
  /** Takes one, unless the limit is reached: then it tells how many are used, and how many of these by reservations. */
  reserve: async ({ tenantId, commandId, resource, scopeId, unitId }: ReservationRequest, limit: number) => {
    const values = [tenantId, commandId, resource, scopeId, unitId, limit];
    const [row] = await db.tenant(tenantId).query<{ taken: boolean; used: number; held: number }>(RESERVE, values);
    if (!row) throw new Error('the database did not answer a reservation');
    return row;
  },

  heldIn: (tenantId: string, scopeId: string): Promise<HeldReservation[]> =>
    db.tenant(tenantId).query<HeldReservation>(HELD_IN, [scopeId]),

  /**
   * How many of the same scope are older than this one, `limit` at most; undefined where it is not in use, or the read
   * model does not know it yet.
   */
  rankOf: async (tenantId: string, unitId: string, limit: number): Promise<number | undefined> => {
    const [row] = await db.tenant(tenantId).query<{ rank: number }>(RANK, [unitId, limit]);
    return row?.rank;
  },

  projectsOf: async (tenantId: string): Promise<number> => {
    const [row] = await db.tenant(tenantId).query<{ projects: number }>(PROJECTS, []);
    return row?.projects ?? 0;
  },

  settle: (many: readonly Pick<ReservationRequest, 'tenantId' | 'commandId'>[]): Promise<void> =>
    settleReservations(pool, many),
});

export type Reservations = ReturnType<typeof createReservations>;

/** @param pool connects as the app role or as the projector */
export const settleReservations = async (
  pool: Pool,
  many: readonly Pick<ReservationRequest, 'tenantId' | 'commandId'>[],
): Promise<void> => {
  await withClient(pool, (client) =>
    client.query({
      name: 'settle-reservations',
      text: 'select plans.settle($1, $2)',
      values: [many.map(({ tenantId }) => tenantId), many.map(({ commandId }) => commandId)],
    }),
  );
};

/** Of all tenants, for the sweeper. @param pool connects as the projector */
export const overdueReservations = async (pool: Pool, limit: number): Promise<HeldReservation[]> => {
  const { rows } = await withClient(pool, (client) =>
    client.query<HeldReservation>(
      `select ${COLUMNS}, true as overdue from plans.reservations where overdue_at <= lease.now() order by overdue_at limit $1`,
      [limit],
    ),
  );
  return rows;
};
