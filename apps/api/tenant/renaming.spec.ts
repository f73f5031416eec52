import type { CommandBus } from '@nestjs/cqrs';
import { type OpenTenant, tenantFold } from '#domain/tenant/evolve';
import type { ScopedDb } from '#platform/database/scoped/scoped-db';
import { tenantCreated, USERS } from '#testing/tenant-facts';
import type { BillingService } from '../billing/billing.service';
import type { ApiContext } from '../core/api-context';
import { RequestState } from '../http/requests/request-context';
import type { Usage } from '../plans/usage';
import { TenantController } from './tenant.controller';

const tenantId = '01a20000-0000-7000-8000-0000000000ff';
const state = tenantFold.evolve(tenantFold.initial, tenantCreated, 1) as OpenTenant;

const rename = (usage: Usage, execute: () => Promise<unknown>) => {
  const db = { tenant: () => ({}) } as unknown as ScopedDb;
  const bus = { execute } as unknown as CommandBus;
  const billing = { closed: async () => undefined } as unknown as BillingService;
  const apiContext = { settings: { tenantRetentionDays: 30 } } as unknown as ApiContext;
  const controller = new TenantController(db, usage, billing, apiContext, bus);
  const context = new RequestState('request');
  context.principal = { tenantId, userId: USERS.owner, role: 'owner', sessionId: 'session' };
  return controller.change(context, { name: 'Acme Ltd' }, undefined);
};

describe('renaming a tenant', () => {
  it('reads the usage while the command is executed', async () => {
    let markUsageAsRead = (): void => undefined;
    const usageIsRead = new Promise<void>((resolve) => {
      markUsageAsRead = resolve;
    });
    const usage: Usage = async () => {
      markUsageAsRead();
      const counted = { period: null, periodEnd: null, projectedExhaustion: null };
      return { plan: 'free', data: [{ resource: 'seats', used: 7, limit: 3, ...counted }] };
    };
    const append = async () => {
      await usageIsRead;
      return { position: 1n, version: 1, state };
    };
    // The count of the state that the rule decided on replaces the count of the read models.
    expect((await rename(usage, append)).body.limits).toMatchObject([{ resource: 'seats', used: 1 }]);
  });

  it('throws the refusal of the rule, also if the usage cannot be read', async () => {
    const usage: Usage = () => Promise.reject(new Error('the database is not available'));
    const refused = rename(usage, () => Promise.reject(new Error('refused')));
    await expect(refused).rejects.toThrow('refused');
  });
});
