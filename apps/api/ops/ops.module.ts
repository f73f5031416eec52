import { Module } from '@nestjs/common';
import { createInboxOperations, InboxOperations } from '#billing/inbox/inbox-operations';
import { requestBackfill } from '#billing/inbox/inbox-wakeup';
import { createOperatorTokens } from '#identity/tokens/operator-tokens';
import { modeOf } from '../../bootstrap/stripe';
import { ApiContext } from '../core/api-context';
import { PublicUrl } from '../core/public-url';
import { Backfill } from './backfill';
import { OpsBillingController } from './billing.controller';
import { createGate, Gate } from './gate';
import { OperatorController } from './operator.controller';
import { OpsPagesController } from './pages.controller';

const gateOf = ({ secretKey }: ApiContext, publicUrl: PublicUrl): Gate =>
  createGate({ tokens: createOperatorTokens(secretKey), publicUrl });

const inboxOf = ({ projectorPool, stripe }: ApiContext): InboxOperations =>
  createInboxOperations(projectorPool, modeOf(stripe));

const backfillOf =
  ({ jobs }: ApiContext): Backfill =>
  () =>
    requestBackfill(jobs);

/** Routes and pages for operators. */
@Module({
  controllers: [OperatorController, OpsPagesController, OpsBillingController],
  providers: [
    { provide: Gate, inject: [ApiContext, PublicUrl], useFactory: gateOf },
    { provide: InboxOperations, inject: [ApiContext], useFactory: inboxOf },
    { provide: Backfill, inject: [ApiContext], useFactory: backfillOf },
  ],
  exports: [Gate],
})
export class OpsModule {}
