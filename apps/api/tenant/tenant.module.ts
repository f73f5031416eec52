import { Module } from '@nestjs/common';
import { BillingModule } from '../billing/billing.module';
import { PlansModule } from '../plans/plans.module';
import { TenantController } from './tenant.controller';

/** The tenant itself: its name, its owner, and its end. */
@Module({ imports: [PlansModule, BillingModule], controllers: [TenantController] })
export class TenantModule {}
