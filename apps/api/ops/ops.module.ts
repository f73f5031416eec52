import { Module } from '@nestjs/common';
import { AccessRecords } from '#access/access-records';
import { createInboxOperations, InboxOperations } from '#billing/inbox/inbox-operations';
import { requestBackfill } from '#billing/inbox/inbox-wakeup';
import { modeOf } from '../../bootstrap/stripe';
import { ApiContext } from '../core/api-context';
import { PublicUrl } from '../core/public-url';
import { Backfill } from './backfill';
import { OpsBillingController } from './billing.controller';
import { Gate, openGate } from './gate';
import { OperatorController } from './operator.controller';
import { OperatorLog, openOperatorLog } from './operator-log';
import { OpsPagesController } from './pages.controller';

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
    { provide: Gate, inject: [ApiContext, PublicUrl], useFactory: openGate },
    { provide: OperatorLog, inject: [ApiContext, AccessRecords], useFactory: openOperatorLog },
    { provide: InboxOperations, inject: [ApiContext], useFactory: inboxOf },
    { provide: Backfill, inject: [ApiContext], useFactory: backfillOf },
  ],
  exports: [Gate],
})
export class OpsModule {}
