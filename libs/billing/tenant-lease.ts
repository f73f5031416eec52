import type { Pool } from 'pg';
import { withClient } from '#platform/database/connections/pools';
import type { ScopedDb, Statement } from '#platform/database/scoped/scoped-db';
import { uuidv7 } from '#platform/ids/uuid';
import { withLease } from '#platform/lease/held-lease';
import { sleep } from '#platform/loops/backoff';

/** Seconds after which another process can claim the lease of a killed process. */
const LEASE_SECONDS = 10;
/** ms between two attempts to claim a lease. */
const RETRY_MS = 50;

/** Another process changes the subscription of the tenant, and kept the lease for longer than the caller waited. */
export class TenantLeaseTaken extends Error {
  override readonly name = 'TenantLeaseTaken';
}

/** The right to change the subscription of a tenant at Stripe. One process has it at a time. */
export interface TenantLease {
  /** Fencing token, a UUID: a statement that writes under the lease checks it. */
  readonly token: string;
  /** Aborts with `LeaseLost` once another process may have the lease. */
  readonly signal: AbortSignal;
}

const CLAIM: Statement = { name: 'claim-tenant-lease', text: 'select billing.take_turn($1, $2, $3) as "isOurs"' };
const RENEW: Statement = {
  name: 'renew-tenant-lease',
  text: `update billing.turns set until = lease.now() + make_interval(secs => $3)
    where tenant_id = $1 and holder = $2 returning true as "isOurs"`,
};
const RELEASE: Statement = {
  name: 'release-tenant-lease',
  text: 'delete from billing.turns where tenant_id = $1 and holder = $2',
};

type Query = (
  tenantId: string,
  statement: Statement,
  values: (string | number)[],
) => Promise<{ readonly isOurs?: boolean }[]>;

const createLeases = (query: Query) => ({
  /**
   * Calls `work` under the lease of the tenant, which is renewed until `work` has ended and then released.
   * @param waitMs maximum time to wait for a lease that another process has
   * @throws TenantLeaseTaken another process kept the lease for longer
   * @throws the error of `work`
   */
  withLease: async <T>(tenantId: string, waitMs: number, work: (lease: TenantLease) => Promise<T>): Promise<T> => {
    const token = uuidv7();
    const isOursAfter = async (statement: Statement): Promise<boolean> =>
      (await query(tenantId, statement, [tenantId, token, LEASE_SECONDS]))[0]?.isOurs === true;
    for (const end = performance.now() + waitMs; !(await isOursAfter(CLAIM)); await sleep(RETRY_MS))
      if (performance.now() >= end) throw new TenantLeaseTaken('another change is in progress');
    try {
      return await withLease({ leaseMs: LEASE_SECONDS * 1_000, renew: () => isOursAfter(RENEW) }, (signal) =>
        work({ token, signal }),
      );
    } finally {
      // If this fails, the lease ends by itself after a few seconds.
      await query(tenantId, RELEASE, [tenantId, token]).catch(() => undefined);
    }
  },
});

export type TenantLeases = ReturnType<typeof createLeases>;

/** The leases for requests of tenants. */
export const createTenantLeases = (db: ScopedDb): TenantLeases =>
  createLeases((tenantId, statement, values) => db.tenant(tenantId).query(statement, values));

/** The leases for workers. @param pool connects as the projector */
export const createWorkerLeases = (pool: Pool): TenantLeases =>
  createLeases(
    async (_, statement, values) => (await withClient(pool, (client) => client.query({ ...statement, values }))).rows,
  );
