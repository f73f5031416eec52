import type { TenantEvent } from '#domain/tenant/events';
import { project, recorded } from '#testing/given-when-then';
import { tenantClosed } from '#testing/tenant-facts';
import { billingProjection } from './projection';

const tenant_id = '01a20000-0000-7000-8000-0000000000ff';
const at = (version: number, event: TenantEvent) =>
  recorded({ ...event, stream: { tenantId: tenant_id, aggregate: 'tenant', id: tenant_id }, version });

const credited: TenantEvent = {
  type: 'PaymentSucceeded',
  data: {
    ...{ invoiceId: 'in_1', number: 'A-1', amount: 45_000, amountDue: 0, amountPaid: 0, currency: 'EUR' },
    ...{ createdAt: '2026-06-01T00:00:00.000Z', url: null },
  },
};

describe('the billing read model', () => {
  it('shows the amount that was charged for an invoice and its total', () =>
    project(billingProjection, at(2, credited)).thenRows('invoices', {
      ...{
        tenant_id,
        invoice_id: 'in_1',
        number: 'A-1',
        status: 'paid',
        amount: 45_000,
        amount_due: 0,
        amount_paid: 0,
      },
      ...{ currency: 'EUR', created_at: '2026-06-01T00:00:00.000Z', url: null, attempts: 0, next_attempt_at: null },
    }));

  it('does not lock or suspend a closed tenant', () =>
    project(billingProjection, at(2, tenantClosed)).thenPatched('billing', { tenant_id }, { failing_since: null }));
});
