import type { CommandBus } from '@nestjs/cqrs';
import { type OpenTenant, tenantFold } from '#domain/tenant/evolve';
import type { ScopedDb } from '#platform/database/scoped/scoped-db';
import { PEOPLE, tenantCreated } from '#testing/tenant-facts';
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
  const surroundings = { settings: { tenantRetentionDays: 30 } } as unknown as ApiContext;
  const controller = new TenantController(db, usage, billing, surroundings, bus);
  const context = new RequestState('request');
  context.principal = { tenantId, userId: PEOPLE.owner, role: 'owner', sessionId: 'session' };
  return controller.change(context, { name: 'Acme Ltd' }, undefined);
};

describe('renaming a workspace', () => {
  it('reads what is in use while the name is on its way into the log', async () => {
    let asked = (): void => undefined;
    const usageIsRead = new Promise<void>((resolve) => {
      asked = resolve;
    });
    const usage: Usage = async () => {
      asked();
      const counted = { period: null, periodEnd: null, projectedExhaustion: null };
      return { plan: 'free', data: [{ resource: 'seats', used: 7, limit: 3, ...counted }] };
    };
    const append = async () => {
      await usageIsRead;
      return { position: 1n, version: 1, state };
    };
    // What the rule has decided on is newer than what was read.
    expect((await rename(usage, append)).body.limits).toMatchObject([{ resource: 'seats', used: 1 }]);
  });

  it('is refused by its rule, whatever became of the reading', async () => {
    const usage: Usage = () => Promise.reject(new Error('the database is not available'));
    const refused = rename(usage, () => Promise.reject(new Error('refused')));
    await expect(refused).rejects.toThrow('refused');
  });
});
