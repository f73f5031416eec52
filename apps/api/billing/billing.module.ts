import { Module } from '@nestjs/common';
import { Pool } from 'pg';
import { createInboxWakeup, InboxWakeup } from '#billing/inbox/inbox-wakeup';
import { createWebhookIntake } from '#billing/inbox/webhook-intake';
import { createStripeOutbox } from '#billing/outbox/stripe-outbox';
import { createTenantLeases } from '#billing/tenant-lease';
import { Catalogue } from '#plans/catalogue/index';
import { ScopedDb } from '#platform/database/scoped/scoped-db';
import { createSealer, deriveKey } from '#platform/encryption';
import { modeOf, openGateway } from '../../bootstrap/stripe';
import { ApiContext } from '../core/api-context';
import { PublicUrl, returnOriginsOf } from '../core/public-url';
import { PlansModule } from '../plans/plans.module';
import { Usage } from '../plans/usage';
import { BillingController } from './billing.controller';
import { BillingService, createBillingService } from './billing.service';
import { createReturnLink } from './stripe/return-link';
import { Webhook, WebhookController } from './webhook.controller';

const billingOf = (
  { settings, secretKey, stripe, log, waiter }: ApiContext,
  publicUrl: PublicUrl,
  db: ScopedDb,
  catalogue: Catalogue,
  usage: Usage,
  wakeUp: InboxWakeup,
): BillingService =>
  createBillingService({
    gateway: stripe && openGateway(stripe).gateway,
    outbox: createStripeOutbox(db, modeOf(stripe)),
    leases: createTenantLeases(db),
    returnLink: createReturnLink(createSealer(deriveKey(secretKey, 'return from Stripe')), publicUrl),
    returnOrigins: returnOriginsOf(settings.billingReturnOrigins, settings.corsOrigins, publicUrl),
    catchUp: async () => {
      const head = await log.head();
      await waiter.waitFor(head, settings.consistencyWaitMs);
      return head;
    },
    ...{ catalogue, usage, db, wakeUp },
  });

const webhookOf = ({ stripe }: ApiContext, pool: Pool, wakeUp: InboxWakeup): Webhook | null =>
  stripe ? { secrets: stripe.webhookSecrets, mode: modeOf(stripe), receive: createWebhookIntake(pool, wakeUp) } : null;

/** Checkout, changes of the plan, the customer portal, and the webhook of Stripe. */
@Module({
  imports: [PlansModule],
  controllers: [BillingController, WebhookController],
  providers: [
    { provide: InboxWakeup, inject: [ApiContext], useFactory: ({ jobs }: ApiContext) => createInboxWakeup(jobs) },
    {
      provide: BillingService,
      inject: [ApiContext, PublicUrl, ScopedDb, Catalogue, Usage, InboxWakeup],
      useFactory: billingOf,
    },
    { provide: Webhook, inject: [ApiContext, Pool, InboxWakeup], useFactory: webhookOf },
  ],
  exports: [BillingService],
})
export class BillingModule {}
