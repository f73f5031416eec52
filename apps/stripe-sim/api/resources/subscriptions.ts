import { invalid, missing } from '../../errors';
import { flagOf, listOf, numberOf, objectOf, type Params, textOf } from '../../form';
import { changeItems } from '../../life/item-changes';
import { begin, change, end } from '../../life/subscriptions';
import type { World } from '../../life/world';
import type { Subscription } from '../../store/objects';
import { listed } from '../lists';
import { type Answer, find, type Route } from '../route';
import { existingCustomer } from './customers';
import { itemsAfter, wantedOf } from './items';

/** The names in `expand` that begin with a prefix, without the prefix. */
const expandOf = (params: Params, prefix = ''): ReadonlySet<string> => {
  const { expand } = params;
  const names = Array.isArray(expand) ? expand : [];
  return new Set(
    names.flatMap((name) => (typeof name === 'string' && name.startsWith(prefix) ? [name.slice(prefix.length)] : [])),
  );
};

const expanded = (world: World, subscription: Subscription, expand: ReadonlySet<string>): object => ({
  ...subscription,
  ...(expand.has('latest_invoice') && {
    latest_invoice: subscription.latest_invoice && (world.store.get('invoice', subscription.latest_invoice) ?? null),
  }),
});

const list: Answer = (world, params) => {
  const [customer, status] = [textOf(params, 'customer'), textOf(params, 'status')];
  if (customer !== undefined) find(world, 'customer', customer);
  const matches = (it: Subscription): boolean =>
    (customer === undefined || it.customer === customer) &&
    (status === 'all' || (status === undefined ? it.status !== 'canceled' : it.status === status));
  const expand = expandOf(params, 'data.');
  return listed(world.store.list('subscription').filter(matches), params, (it) => expanded(world, it, expand));
};

const create: Answer = (world, params) => {
  const customer = existingCustomer(world, textOf(params, 'customer') ?? '');
  const items = wantedOf(world, listOf(params, 'items'));
  const trialDays = numberOf(params, 'trial_period_days') ?? 0;
  return begin(world, { customer: customer.id, items, trialDays, present: false });
};

const update: Answer = (world, params, [id = '']) => {
  const subscription = find(world, 'subscription', id);
  if (subscription.status === 'canceled')
    throw invalid('A canceled subscription can only update its metadata.', 'id', 'resource_missing');
  const items = listOf(params, 'items');
  if (items.length > 0) {
    const behaviour = textOf(params, 'proration_behavior') ?? 'create_prorations';
    changeItems(world, subscription, itemsAfter(world, subscription, items), {
      at: numberOf(params, 'proration_date') ?? world.now(),
      charge: behaviour === 'always_invoice',
      insist: textOf(params, 'payment_behavior') === 'error_if_incomplete',
    });
  }
  const atEnd = flagOf(params, 'cancel_at_period_end');
  if (atEnd !== undefined)
    change(world, subscription, { cancel_at_period_end: atEnd, canceled_at: atEnd ? world.now() : null });
  const card = textOf(params, 'default_payment_method');
  if (card) change(world, subscription, { default_payment_method: find(world, 'payment_method', card).id });
  const pause = params['pause_collection'];
  if (pause === '') change(world, subscription, { pause_collection: null });
  else if (objectOf(params, 'pause_collection'))
    change(world, subscription, {
      pause_collection: { behavior: textOf(objectOf(params, 'pause_collection'), 'behavior') ?? 'void' },
    });
  if (textOf(params, 'trial_end') === 'now' && subscription.status === 'trialing') {
    change(world, subscription, { trial_end: world.now() });
  }
  return subscription;
};

const resume: Answer = (world, _, [id = '']) => {
  const subscription = find(world, 'subscription', id);
  if (subscription.status !== 'paused') throw invalid('Only a paused subscription can be resumed.', 'id');
  change(world, subscription, { status: 'active' });
  world.emit('customer.subscription.resumed', subscription);
  return subscription;
};

const cancel: Answer = (world, _, [id = '']) => {
  const subscription = find(world, 'subscription', id);
  if (subscription.status === 'canceled') throw missing('subscription', id);
  end(world, subscription);
  return subscription;
};

export const SUBSCRIPTION_ROUTES: readonly Route[] = [
  ['POST', '/v1/subscriptions', create],
  ['GET', '/v1/subscriptions', list],
  [
    'GET',
    '/v1/subscriptions/*',
    (world, params, [id = '']) => expanded(world, find(world, 'subscription', id), expandOf(params)),
  ],
  ['POST', '/v1/subscriptions/*', update],
  ['DELETE', '/v1/subscriptions/*', cancel],
  ['POST', '/v1/subscriptions/*/resume', resume],
];
