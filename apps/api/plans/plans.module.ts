import { Module } from '@nestjs/common';
import { Catalogue, createCatalogue } from '#plans/catalogue/index';
import { LimitGuard } from '#plans/limit-guard.port';
import { ScopedDb } from '#platform/database/scoped/scoped-db';
import { ApiContext } from '../core/api-context';
import { openPlans, Plans } from './open-plans';
import { PlansController } from './plans.controller';
import { Quota } from './quota';
import { Usage } from './usage';

const plansOf = (context: ApiContext, catalogue: Catalogue, db: ScopedDb): Plans => {
  const { pool, log, waiter, logger, settings } = context;
  const { plans, invitationsHoldSeats } = settings;
  return openPlans({ catalogue, plans, invitationsHoldSeats, pool, db, log, waiter, logger });
};

/** The catalogue, the limits of plans, and their use. */
@Module({
  controllers: [PlansController],
  providers: [
    {
      provide: Catalogue,
      inject: [ApiContext],
      useFactory: ({ settings }: ApiContext) => createCatalogue(settings.stripePrices),
    },
    { provide: Plans, inject: [ApiContext, Catalogue, ScopedDb], useFactory: plansOf },
    { provide: LimitGuard, inject: [Plans], useFactory: ({ guard }: Plans) => guard },
    { provide: Quota, inject: [Plans], useFactory: ({ quota }: Plans) => quota },
    { provide: Usage, inject: [Plans], useFactory: ({ usage }: Plans) => usage },
  ],
  exports: [Catalogue, Plans, LimitGuard, Quota, Usage],
})
export class PlansModule {}
