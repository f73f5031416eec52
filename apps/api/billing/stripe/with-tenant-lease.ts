import { type TenantLease, type TenantLeases, TenantLeaseTaken } from '#billing/tenant-lease';
import { LeaseLost } from '#platform/lease/held-lease';
import { Problem } from '#platform/problems';

/** Maximum ms for which a checkout or a change waits for another one of the tenant. */
const WAIT_MS = 5_000;

/**
 * Calls `work` under the lease of the tenant, so that no other checkout or change of the tenant is in progress.
 * @throws Problem conflict: another one took too long, or the lease was lost
 */
export const withTenantLease = async <T>(
  leases: TenantLeases,
  tenantId: string,
  work: (lease: TenantLease) => Promise<T>,
): Promise<T> => {
  try {
    return await leases.withLease(tenantId, WAIT_MS, work);
  } catch (error) {
    if (!(error instanceof TenantLeaseTaken || error instanceof LeaseLost)) throw error;
    const detail =
      'Another checkout or plan change of this tenant is in progress. Wait until it has finished, check GET /v1/billing, and try again.';
    throw new Problem('conflict', { detail, retryAfter: 1 }, { cause: error });
  }
};
