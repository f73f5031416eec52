import type { TenantDb } from '#platform/database/scoped/scoped-db';
import { type BillingRow, findBilling } from '#projections/billing/queries';
import { notFound } from '../http/problems/not-found';

/**
 * The plan, the subscription, the payment and the lock of a tenant.
 * @throws Problem not-found: there is no such tenant
 */
export const billingOf = async (db: TenantDb): Promise<BillingRow> => {
  const row = await findBilling(db);
  if (!row) throw notFound('tenant');
  return row;
};
