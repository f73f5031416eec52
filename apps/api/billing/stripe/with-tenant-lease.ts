import { type TenantLease, type TenantLeases, TenantLeaseTaken } from '#billing/tenant-lease';
import { LeaseLost } from '#platform/lease/held-lease';
import { Problem } from '#platform/problems';

/** ms that a checkout or a change waits for another one of the tenant. */
const TURN_MS = 5_000;

/** Does it while nothing else is bought or changed for the tenant. @throws Problem where another one takes too long */
export const withTenantLease = async <T>(
  turns: TenantLeases,
  tenantId: string,
  work: (turn: TenantLease) => Promise<T>,
): Promise<T> => {
  try {
    return await turns.inTurn(tenantId, TURN_MS, work);
  } catch (error) {
    if (!(error instanceof TenantLeaseTaken || error instanceof LeaseLost)) throw error;
    const detail =
      'Another checkout or plan change of this tenant is in progress. Wait until it has finished, check GET /v1/billing, and try again.';
    throw new Problem('conflict', { detail, retryAfter: 1 }, { cause: error });
  }
};
