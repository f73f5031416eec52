import type { CommandBus } from '@nestjs/cqrs';
import { Gauge } from 'prom-client';
import { STRIPE_ACCESS, SYSTEM_ACCESS } from '#access/access';
import { backfill } from '#billing/inbox/backfill';
import { createInboxProcessor } from '#billing/inbox/inbox-processor';
import { createInboxStore } from '#billing/inbox/inbox-store';
import { BACKFILL_QUEUE, createInboxWakeup, INBOX_QUEUE } from '#billing/inbox/inbox-wakeup';
import {
  claimUnansweredChanges,
  isStillWanted,
  settleCall,
  type UnansweredChange,
} from '#billing/outbox/unanswered-changes';
import type { Change } from '#billing/stripe/changes';
import { StripeRefused } from '#billing/stripe/stripe-refused';
import { createWorkerLeases } from '#billing/tenant-lease';
import { AdvanceStanding, FollowStripe } from '#domain/tenant/decide-billing';
import { type Tenant, tenantFold } from '#domain/tenant/evolve';
import type { AggregateStore, CommandResult } from '#event-log/aggregate/aggregate-store';
import { createCatalogue } from '#plans/catalogue/index';
import { uuidv7 } from '#platform/ids/uuid';
import { forEachIsolated } from '#platform/loops/for-each-isolated';
import { createPollingLoops, type PollingLoops } from '#platform/loops/polling-loops';
import { tenantsToAdvance } from '#projections/billing/queries';
import type { Runtime } from '../bootstrap/runtime';
import { modeOf, openGateway } from '../bootstrap/stripe';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
/** Maximum number of tenants or changes that one run processes. */
const AT_ONCE = 500;
/** ms between two counts of the waiting events. */
const COUNT_MS = 5 * SECOND;
/** Days for which finished events are kept: longer than in Stripe's own list, so that none of them is stored again. */
const KEPT_DAYS = 90;

/**
 * The background work of billing: it processes events from Stripe, repeats changes that Stripe did not answer, locks
 * and suspends tenants when they are due, reconciles customers with Stripe, and deletes old events.
 */
export const startBilling = (runtime: Runtime, store: AggregateStore, bus: CommandBus): Pick<PollingLoops, 'stop'> => {
  const { projectorPool: pool, logger, settings, log, jobs, clock, accessRecords } = runtime;
  const inbox = createInboxStore(pool, modeOf(runtime.stripe));
  const loops = createPollingLoops(logger);
  const isTest = !modeOf(runtime.stripe).livemode;

  /** In test mode Stripe's clock can be set forward, so the time of its newest event counts if that is later. */
  const stripeTime = async (): Promise<Date> => {
    const newest = isTest ? await inbox.newestEventTime() : undefined;
    return new Date(Math.max(clock.now(), newest?.getTime() ?? 0));
  };

  void jobs.schedule('billing-clock', 10 * SECOND, async () => {
    const at = await stripeTime();
    const accessId = await accessRecords.find(SYSTEM_ACCESS, null);
    await forEachIsolated(
      await tenantsToAdvance(pool, at, AT_ONCE),
      (tenantId) => {
        const actor = { kind: 'system' } as const;
        const context = { commandId: uuidv7(), actor, correlationId: 'billing-clock', accessId };
        return bus.execute(new AdvanceStanding(tenantId, { at: at.toISOString() }, context));
      },
      (err, tenantId) => logger.error({ err, tenantId }, 'the payment state of a tenant could not be updated'),
    );
  });
  const waiting = new Gauge({
    name: 'tenantry_billing_inbox_events',
    help: 'Events from Stripe that wait to be processed or wait for an operator',
    labelNames: ['state'],
    registers: [runtime.registry],
  });
  loops.every(COUNT_MS, 'counting the events from Stripe', async () => {
    for (const state of ['pending', 'parked', 'quarantined']) waiting.set({ state }, 0);
    for (const { state, n } of await inbox.openCounts()) waiting.set({ state }, n);
  });
  void jobs.schedule('billing-purge', 60 * MINUTE, () => inbox.purge(KEPT_DAYS));
  if (!runtime.stripe) return loops;

  const { gateway, mode } = openGateway(runtime.stripe);
  const processor = createInboxProcessor({
    store: inbox,
    gateway,
    catalogue: createCatalogue(settings.stripePrices),
    logger,
    now: clock.now,
    accountOf: async (tenantId) => {
      const { state } = await store.load(tenantFold, { tenantId, aggregate: tenantFold.aggregate, id: tenantId });
      return state.status === 'open' ? state.account : undefined;
    },
    follow: async (tenantId, facts, cause, seen) => {
      const accessId = await accessRecords.find(STRIPE_ACCESS, null);
      const actor = { kind: 'stripe' } as const;
      const context = { commandId: uuidv7(), actor, correlationId: cause, accessId };
      const command = new FollowStripe(tenantId, { facts, seen }, context);
      return (await bus.execute<FollowStripe, CommandResult<Tenant>>(command)).state.status;
    },
  });
  const drain = async (signal: AbortSignal): Promise<void> => {
    await processor.drain(signal);
  };
  jobs.work(INBOX_QUEUE, (_, signal) => drain(signal), { concurrency: 2, timeoutMs: 10 * MINUTE });
  // For lost jobs, customers that were put off, and customers of killed workers. It is a loop in each process and not a
  // job: the queue hands the job of a killed worker to another one only after a while, and customers would have to
  // wait.
  loops.every(2 * SECOND, 'processing the events from Stripe', drain);
  const wakeUp = createInboxWakeup(jobs);
  const leases = createWorkerLeases(pool);
  const repeat = (call: UnansweredChange): Promise<void> =>
    leases.withLease(call.tenantId, 0, async (lease) => {
      if (!(await isStillWanted(pool, call, lease))) return;
      lease.signal.throwIfAborted();
      try {
        await gateway.change(call.params as Change, call.idempotencyKey);
        await settleCall(pool, call, 'done');
      } catch (error) {
        if (!(error instanceof StripeRefused)) throw error;
        await settleCall(pool, call, 'failed');
      }
    });
  void jobs.schedule('billing-calls', 15 * SECOND, async () => {
    await forEachIsolated(await claimUnansweredChanges(pool, AT_ONCE), repeat, (err, { tenantId, callId }) =>
      logger.warn(
        { err, tenantId, callId },
        'a subscription change could not be sent to Stripe again; it is tried later',
      ),
    );
  });
  const reconcile = async (): Promise<void> => {
    const read = await backfill({ pool, store: inbox, gateway, mode }, clock.now());
    const customers = await inbox.requestReconciliation(null);
    logger.debug({ read, customers, head: String(await log.head()) }, 'the list of events was read from Stripe');
    wakeUp();
  };
  void jobs.schedule('billing-reconcile', 15 * MINUTE, reconcile);
  jobs.work(BACKFILL_QUEUE, reconcile, { concurrency: 1, timeoutMs: 10 * MINUTE });
  return loops;
};
