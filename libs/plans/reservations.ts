import type { Pool } from 'pg';
import { withClient } from '#platform/database/connections/pools';
import type { ScopedDb, Statement } from '#platform/database/scoped/scoped-db';

/**
 * Seconds after which a reservation is overdue. This is longer than any append with all its timeouts, and so short that
 * the reservation of a killed process is deleted within a minute.
 */
export const RESERVED_SECONDS = 30;

export interface ReservationRequest {
  readonly tenantId: string;
  readonly commandId: string;
  readonly resource: 'projects' | 'tasks';
  /** The tenant for projects, or the project for tasks: the limit holds within it. */
  readonly scopeId: string;
  /** The project or task that will be created. */
  readonly unitId: string;
}

/** A stored reservation. `overdue`: it is older than {@link RESERVED_SECONDS}. */
export interface StoredReservation extends ReservationRequest {
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

/** The reservations below limits that span several streams. Each function makes one round trip to the database. */
export const createReservations = ({ db, pool }: { readonly db: ScopedDb; readonly pool: Pool }) => ({
  /**
   * Makes a reservation, unless the limit is reached.
   * @returns whether it was made; `used` is the number in use including reservations, `held` the number of reservations
   */
  reserve: async ({ tenantId, commandId, resource, scopeId, unitId }: ReservationRequest, limit: number) => {
    const values = [tenantId, commandId, resource, scopeId, unitId, limit];
    const [row] = await db.tenant(tenantId).query<{ taken: boolean; used: number; held: number }>(RESERVE, values);
    if (!row) throw new Error('the database did not answer a reservation');
    return row;
  },

  /** The reservations within a scope, the oldest first, at most 100. */
  heldIn: (tenantId: string, scopeId: string): Promise<StoredReservation[]> =>
    db.tenant(tenantId).query<StoredReservation>(HELD_IN, [scopeId]),

  /**
   * The number of units of the same scope that are older than this one, at most `limit`; undefined: the unit is not in
   * use, or the read model does not know it yet.
   */
  rankOf: async (tenantId: string, unitId: string, limit: number): Promise<number | undefined> => {
    const [row] = await db.tenant(tenantId).query<{ rank: number }>(RANK, [unitId, limit]);
    return row?.rank;
  },

  /** The number of projects in use. */
  projectsOf: async (tenantId: string): Promise<number> => {
    const [row] = await db.tenant(tenantId).query<{ projects: number }>(PROJECTS, []);
    return row?.projects ?? 0;
  },

  /** Deletes reservations. */
  settle: (many: readonly Pick<ReservationRequest, 'tenantId' | 'commandId'>[]): Promise<void> =>
    settleReservations(pool, many),
});

export type Reservations = ReturnType<typeof createReservations>;

/** Deletes reservations. @param pool connects as the app role or as the projector */
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

/** The overdue reservations of all tenants, the oldest first. @param pool connects as the projector */
export const overdueReservations = async (pool: Pool, limit: number): Promise<StoredReservation[]> => {
  const { rows } = await withClient(pool, (client) =>
    client.query<StoredReservation>(
      `select ${COLUMNS}, true as overdue from plans.reservations where overdue_at <= lease.now() order by overdue_at limit $1`,
      [limit],
    ),
  );
  return rows;
};
