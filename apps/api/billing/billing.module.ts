import { Module } from '@nestjs/common';
import { Pool } from 'pg';
import { createCalls } from '../../../libs/billing/calls';
import { createIntake } from '../../../libs/billing/intake';
import { createNudge, Nudge } from '../../../libs/billing/nudge';
import { createTenantTurns } from '../../../libs/billing/turns';
import { Catalogue } from '../../../libs/plans/catalogue';
import { ScopedDb } from '../../../libs/platform/database/scoped-db';
import { createSealer, deriveKey } from '../../../libs/platform/seal';
import { modeOf, openGateway } from '../../bootstrap/stripe';
import { ApiContext } from '../core/api-context';
import { PublicUrl, returnOriginsOf } from '../core/public-url';
import { PlansModule } from '../plans/plans.module';
import { Usage } from '../plans/usage';
import { BillingController } from './billing.controller';
import { Billing, createBilling } from './billing.service';
import { createReturning } from './stripe/returning';
import { Webhook, WebhookController } from './webhook.controller';

const billingOf = (
  { settings, secretKey, stripe, log, waiter }: ApiContext,
  publicUrl: PublicUrl,
  db: ScopedDb,
  catalogue: Catalogue,
  usage: Usage,
  nudge: Nudge,
): Billing =>
  createBilling({
    gateway: stripe && openGateway(stripe).gateway,
    calls: createCalls(db, modeOf(stripe)),
    turns: createTenantTurns(db),
    returning: createReturning(createSealer(deriveKey(secretKey, 'return from Stripe')), publicUrl),
    returnOrigins: returnOriginsOf(settings.billingReturnOrigins, settings.corsOrigins, publicUrl),
    settled: async () => {
      const head = await log.head();
      await waiter.waitFor(head, settings.consistencyWaitMs);
      return head;
    },
    ...{ catalogue, usage, db, nudge },
  });

const webhookOf = ({ stripe }: ApiContext, pool: Pool, nudge: Nudge): Webhook | null =>
  stripe ? { secrets: stripe.webhookSecrets, mode: modeOf(stripe), takeIn: createIntake(pool, nudge) } : null;

/** Checkout, changes of the plan, the customer portal, and the webhook of Stripe. */
@Module({
  imports: [PlansModule],
  controllers: [BillingController, WebhookController],
  providers: [
    { provide: Nudge, inject: [ApiContext], useFactory: ({ jobs }: ApiContext) => createNudge(jobs) },
    { provide: Billing, inject: [ApiContext, PublicUrl, ScopedDb, Catalogue, Usage, Nudge], useFactory: billingOf },
    { provide: Webhook, inject: [ApiContext, Pool, Nudge], useFactory: webhookOf },
  ],
  exports: [Billing],
})
export class BillingModule {}
