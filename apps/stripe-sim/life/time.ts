import type { Invoice, Subscription } from '../store/objects';
import { end, periodOf, renew, retry } from './subscriptions';
import { DAY, type World } from './world';

/** The event for the end of a trial is sent three days before. */
const NOTICE = 3 * DAY;

interface Due {
  readonly at: number;
  readonly happen: () => void;
}

const LIVING: ReadonlySet<string> = new Set(['active', 'trialing', 'past_due']);

const ofSubscription = (world: World, subscription: Subscription): Due[] => {
  if (!LIVING.has(subscription.status)) return [];
  const due: Due[] = [{ at: periodOf(subscription).end, happen: () => renew(world, subscription) }];
  if (subscription.cancel_at !== null) due.push({ at: subscription.cancel_at, happen: () => end(world, subscription) });
  if (subscription.status === 'trialing' && subscription.trial_end !== null && !subscription._told)
    due.push({
      at: subscription.trial_end - NOTICE,
      happen: () => {
        subscription._told = true;
        world.store.put(subscription);
        world.emit('customer.subscription.trial_will_end', subscription);
      },
    });
  return due;
};

const ofInvoice = (world: World, invoice: Invoice): Due[] =>
  invoice.status === 'open' && invoice.next_payment_attempt !== null
    ? [{ at: invoice.next_payment_attempt, happen: () => retry(world, invoice) }]
    : [];

const nextOf = (world: World): Due | undefined => {
  const due = [
    ...world.store.list('subscription').flatMap((it) => ofSubscription(world, it)),
    ...world.store.list('invoice').flatMap((it) => ofInvoice(world, it)),
  ];
  return due.reduce<Due | undefined>((first, it) => (first === undefined || it.at < first.at ? it : first), undefined);
};

/** When something happens next; undefined: nothing is to come. */
export const nextMoment = (world: World): number | undefined => nextOf(world)?.at;

/** Lets everything happen that falls due until then, each in its time. @param until seconds */
export const advanceTo = (world: World, until: number): void => {
  for (let due = nextOf(world); due && due.at <= until; due = nextOf(world)) {
    world.setClock(due.at);
    due.happen();
  }
  world.setClock(until);
};
