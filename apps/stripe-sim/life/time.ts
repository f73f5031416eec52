import type { Invoice, Subscription } from '../store/objects';
import { periodOf } from './lines';
import { renew, retryPayment } from './renewals';
import { end } from './subscriptions';
import { DAY, type World } from './world';

/** Seconds before the end of a trial at which its event is sent. */
const NOTICE = 3 * DAY;

/** Something that the clock causes. */
interface ScheduledAction {
  /** Seconds since 1970. */
  readonly at: number;
  readonly run: () => void;
}

const RUNNING: ReadonlySet<string> = new Set(['active', 'trialing', 'past_due']);

const actionsOfSubscription = (world: World, subscription: Subscription): ScheduledAction[] => {
  if (!RUNNING.has(subscription.status)) return [];
  const due: ScheduledAction[] = [{ at: periodOf(subscription).end, run: () => renew(world, subscription) }];
  if (subscription.cancel_at !== null) due.push({ at: subscription.cancel_at, run: () => end(world, subscription) });
  if (subscription.status === 'trialing' && subscription.trial_end !== null && !subscription._told)
    due.push({
      at: subscription.trial_end - NOTICE,
      run: () => {
        subscription._told = true;
        world.store.put(subscription);
        world.emit('customer.subscription.trial_will_end', subscription);
      },
    });
  return due;
};

const actionsOfInvoice = (world: World, invoice: Invoice): ScheduledAction[] =>
  invoice.status === 'open' && invoice.next_payment_attempt !== null
    ? [{ at: invoice.next_payment_attempt, run: () => retryPayment(world, invoice) }]
    : [];

const nextAction = (world: World): ScheduledAction | undefined => {
  const due = [
    ...world.store.list('subscription').flatMap((it) => actionsOfSubscription(world, it)),
    ...world.store.list('invoice').flatMap((it) => actionsOfInvoice(world, it)),
  ];
  return due.reduce<ScheduledAction | undefined>(
    (first, it) => (first === undefined || it.at < first.at ? it : first),
    undefined,
  );
};

/** The time of the next scheduled action in seconds since 1970; undefined: none is scheduled. */
export const nextMoment = (world: World): number | undefined => nextAction(world)?.at;

/**
 * Sets the clock forward. Every action that is due before that runs at its own time, in order.
 * @param until seconds since 1970
 */
export const advanceTo = (world: World, until: number): void => {
  for (let due = nextAction(world); due && due.at <= until; due = nextAction(world)) {
    world.setClock(due.at);
    due.run();
  }
  world.setClock(until);
};
