import { createAccessRecords } from '#access/access-records';
import { type TenantErasureDeps } from '#erasing/erase-tenants';
import { START } from '#event-log/port';
import { createPool } from '#platform/database/connections/pools';
import { tenantsToErase } from '#projections/tenants/queries';
import { createIdentityApp, type IdentityApp, type SignedUp } from '#test/support/identity-app';

/** Opens an app for specs of the erasure of closed tenants. */
export const useClosedTenants = () => {
  let app: IdentityApp;
  let deps: TenantErasureDeps;

  beforeAll(async () => {
    app = await createIdentityApp();
    const pool = createPool({ url: app.database.urls.projector, max: 3, applicationName: 'test' });
    deps = {
      log: app.log,
      pool,
      accessRecords: createAccessRecords({ pool }),
      due: (limit) => tenantsToErase(pool, limit),
    };
  });
  afterAll(async () => {
    await deps.pool.end();
    await app.close();
  });

  const ada = { companyName: 'Closing Ltd' };

  const close = async (): Promise<SignedUp> => {
    const tenant = await app.signUp(ada);
    const token = tenant.accessToken;
    await app.request('POST', '/v1/teams', { token, payload: { name: 'Sales' } });
    await app.request('POST', '/v1/projects', { token, payload: { name: 'Website' } });
    const closed = await app.request('DELETE', '/v1/tenant', { token, payload: { confirmName: 'Closing Ltd' } });
    expect(closed.statusCode).toBe(200);
    await app.settled();
    return tenant;
  };

  const makeDue = (tenantId: string) =>
    app.owner.query(
      `update read_model.closed_tenants set erase_after = now() - interval '1 second' where tenant_id = $1`,
      [tenantId],
    );

  /**
   * The number of rows of a tenant in every table that has a column `tenant_id`; tables without such rows are left out.
   */
  const rowsOf = async (tenantId: string): Promise<Record<string, number>> => {
    const { rows: tables } = await app.owner.query<{ name: string }>(
      `select c.oid::regclass::text as name from pg_class c
       join pg_attribute a on a.attrelid = c.oid and a.attname = 'tenant_id' and not a.attisdropped
       where c.relkind = 'r' and c.relnamespace::regnamespace::text not in ('pg_catalog', 'information_schema')`,
    );
    const counts: Record<string, number> = {};
    for (const { name } of tables) {
      const { rows } = await app.owner.query<{ n: number }>(
        `select count(*)::integer as n from ${name} where tenant_id = $1`,
        [tenantId],
      );
      if (rows[0]?.n) counts[name] = rows[0].n;
    }
    return counts;
  };

  const eventsOf = async (tenantId: string): Promise<number> =>
    (await app.log.readAll({ after: START, tenantId, limit: 1_000 })).events.length;

  return {
    close,
    eventsOf,
    makeDue,
    rowsOf,
    get app() {
      return app;
    },
    get deps() {
      return deps;
    },
  };
};
