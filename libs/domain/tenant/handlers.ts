import { CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { AggregateStore, type Executed } from '../../event-log/aggregate-store';
import { CreateTenant, RenameTenant } from './commands';
import { createTenant, renameTenant } from './decide';
import { type Tenant, tenantFold } from './evolve';

const tenantStream = (tenantId: string) => ({ tenantId, aggregate: tenantFold.aggregate, id: tenantId });

@CommandHandler(CreateTenant)
export class CreateTenantHandler implements ICommandHandler<CreateTenant, Executed<Tenant>> {
  constructor(private readonly store: AggregateStore) {}

  execute({ tenantId, creation, context }: CreateTenant): Promise<Executed<Tenant>> {
    return this.store.create(tenantFold, tenantStream(tenantId), context, (tenant) => createTenant(creation, tenant));
  }
}

@CommandHandler(RenameTenant)
class RenameTenantHandler implements ICommandHandler<RenameTenant, Executed<Tenant>> {
  constructor(private readonly store: AggregateStore) {}

  execute({ tenantId, renaming, context, expectedVersion }: RenameTenant): Promise<Executed<Tenant>> {
    return this.store.execute(
      tenantFold,
      tenantStream(tenantId),
      context,
      (tenant) => renameTenant(renaming, tenant),
      expectedVersion,
    );
  }
}

export const tenantHandlers = [CreateTenantHandler, RenameTenantHandler];
