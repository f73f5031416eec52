import { Module } from '@nestjs/common';
import { BillingModule } from '../billing/billing.module';
import { PlansModule } from '../plans/plans.module';
import { TenantController } from './tenant.controller';

/** The routes about the tenant: its name, the transfer of ownership, and its closing. */
@Module({ imports: [PlansModule, BillingModule], controllers: [TenantController] })
export class TenantModule {}
