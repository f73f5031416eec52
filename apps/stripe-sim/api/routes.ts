import { invalid, missing } from '../errors';
import { flagOf, listOf, numberOf, objectOf, type Params, textOf } from '../form';
import { giveUp } from '../life/invoices';
import {
  begin,
  change,
  end,
  forgiven,
  payByHand,
  periodOf,
  proration,
  reprice,
  type Wanted,
} from '../life/subscriptions';
import { DAY, type World } from '../life/world';
import type { Customer, Invoice, Kind, Of, Session, Subscription } from '../store/objects';
import { newId } from '../store/store';
import { attach } from './cards';
import { listed } from './lists';

/** Answers one route. @param ids of the path */
type Answer = (world: World, params: Params, ids: readonly string[]) => object;

const find = <K extends Kind>({ store }: World, kind: K, id: string): Of<K> => {
  const found = store.get(kind, id);
  if (!found) throw missing(kind, id);
  return found;
};

const living = (world: World, id: string): Customer => {
  const customer = find(world, 'customer', id);
  if (customer.deleted) throw missing('customer', id);
  return customer;
};

const metadataOf = (params: Params): Record<string, string> =>
  Object.fromEntries(
    Object.entries(objectOf(params, 'metadata') ?? {}).filter(
      (it): it is [string, string] => typeof it[1] === 'string',
    ),
  );

const wantedOf = (world: World, items: readonly Params[]): Wanted[] =>
  items.map((item) => ({
    price: find(world, 'price', textOf(item, 'price') ?? ''),
    quantity: numberOf(item, 'quantity') ?? 1,
  }));

/** The lines that a subscription would have after a request. */
const itemsAfter = (world: World, subscription: Subscription, items: readonly Params[]) => {
  const changes = new Map(items.flatMap((item) => (textOf(item, 'id') ? [[textOf(item, 'id'), item] as const] : [])));
  for (const id of changes.keys())
    if (!subscription.items.data.some((it) => it.id === id)) throw missing('subscription_item', id ?? '');
  const kept = subscription.items.data.flatMap((it) => {
    const asked = changes.get(it.id);
    if (asked && flagOf(asked, 'deleted')) return [];
    const price = textOf(asked, 'price');
    return [
      {
        id: it.id,
        price: price ? find(world, 'price', price) : it.price,
        quantity: numberOf(asked, 'quantity') ?? it.quantity,
      },
    ];
  });
  const added = wantedOf(
    world,
    items.filter((item) => !textOf(item, 'id')),
  );
  const after = [...kept, ...added];
  if (after.length === 0) throw invalid('A subscription needs an item.', 'items');
  return after;
};

const session = (world: World, params: Params, object: Session['object']): Session => {
  const customer = living(world, textOf(params, 'customer') ?? '');
  const isCheckout = object === 'checkout.session';
  const id = newId(isCheckout ? 'cs_test' : 'bps');
  const items = listOf(params, 'line_items').map((item) => ({
    price: find(world, 'price', textOf(item, 'price') ?? '').id,
    quantity: numberOf(item, 'quantity') ?? 1,
  }));
  if (isCheckout && items.length === 0) throw invalid('You must pass line_items.', 'line_items', 'parameter_missing');
  const success = textOf(params, 'success_url') ?? null;
  if (isCheckout && !success) throw invalid('You must pass success_url.', 'success_url', 'parameter_missing');
  return world.store.put<Session>({
    ...{ id, object, customer: customer.id, created: world.now(), livemode: false, metadata: metadataOf(params) },
    url: `${world.baseUrl()}${isCheckout ? '/c/pay' : '/p/session'}/${id}`,
    ...{
      success_url: success,
      cancel_url: textOf(params, 'cancel_url') ?? null,
      return_url: textOf(params, 'return_url') ?? null,
    },
    ...{
      mode: isCheckout ? 'subscription' : null,
      expires_at: world.now() + DAY,
      status: 'open',
      payment_status: 'unpaid',
    },
    ...{ subscription: null, _items: items },
    _trialDays: numberOf(objectOf(params, 'subscription_data'), 'trial_period_days') ?? 0,
  });
};

const updateSubscription: Answer = (world, params, [id = '']) => {
  const subscription = find(world, 'subscription', id);
  if (subscription.status === 'canceled')
    throw invalid('A canceled subscription can only update its metadata.', 'id', 'resource_missing');
  const items = listOf(params, 'items');
  if (items.length > 0) {
    const behaviour = textOf(params, 'proration_behavior') ?? 'create_prorations';
    reprice(world, subscription, itemsAfter(world, subscription, items), {
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

const preview: Answer = (world, params) => {
  const subscription = find(world, 'subscription', textOf(params, 'subscription') ?? '');
  const details = objectOf(params, 'subscription_details');
  const wanted = itemsAfter(world, subscription, listOf(details, 'items'));
  const at = numberOf(details, 'proration_date') ?? world.now();
  const lines = subscription.status === 'trialing' ? [] : proration(subscription, wanted, at);
  const total = lines.reduce((sum, { amount }) => sum + amount, 0);
  const credit = Math.min(0, world.store.get('customer', subscription.customer)?.balance ?? 0);
  return {
    ...{
      id: newId('upcoming_in'),
      object: 'invoice',
      customer: subscription.customer,
      currency: subscription.currency,
    },
    ...{ total, amount_due: Math.max(0, total + credit), status: 'draft', created: world.now(), livemode: false },
    lines: { object: 'list', data: lines, has_more: false, url: '/v1/invoices/upcoming/lines' },
    ...{ period_start: periodOf(subscription).start, period_end: periodOf(subscription).end },
  };
};

const createCustomer: Answer = (world, params) => {
  const customer = world.store.put<Customer>({
    ...{ id: newId('cus'), object: 'customer', created: world.now(), livemode: false, balance: 0 },
    ...{ name: textOf(params, 'name') ?? null, email: textOf(params, 'email') ?? null, metadata: metadataOf(params) },
    invoice_settings: { default_payment_method: null },
  });
  world.emit('customer.created', customer);
  return customer;
};

const updateCustomer: Answer = (world, params, [id = '']) => {
  const customer = living(world, id);
  const card = textOf(objectOf(params, 'invoice_settings'), 'default_payment_method');
  if (card) customer.invoice_settings.default_payment_method = find(world, 'payment_method', card).id;
  customer.name = textOf(params, 'name') ?? customer.name;
  customer.email = textOf(params, 'email') ?? customer.email;
  Object.assign(customer.metadata, metadataOf(params));
  world.store.put(customer);
  world.emit('customer.updated', customer);
  return customer;
};

/** Its subscriptions end with it. */
const deleteCustomer: Answer = (world, _, [id = '']) => {
  const customer = living(world, id);
  for (const subscription of world.store.list('subscription'))
    if (subscription.customer === id) end(world, subscription);
  customer.deleted = true;
  world.store.put(customer);
  world.emit('customer.deleted', customer);
  return { id, object: 'customer', deleted: true };
};

const createSubscription: Answer = (world, params) => {
  const customer = living(world, textOf(params, 'customer') ?? '');
  const items = wantedOf(world, listOf(params, 'items'));
  const trialDays = numberOf(params, 'trial_period_days') ?? 0;
  return begin(world, { customer: customer.id, items, trialDays, present: false });
};

const onInvoice =
  (act: (world: World, invoice: Invoice) => void): Answer =>
  (world, _, [id = '']) => {
    const invoice = find(world, 'invoice', id);
    act(world, invoice);
    return invoice;
  };

const account: Answer = () => ({
  id: 'acct_simulated',
  object: 'account',
  country: 'DE',
  default_currency: 'eur',
  charges_enabled: true,
});

const get =
  <K extends Kind>(kind: K): Answer =>
  (world, _, [id = '']) =>
    find(world, kind, id);

const getCustomer: Answer = (world, _, [id = '']) => {
  const customer = find(world, 'customer', id);
  return customer.deleted ? { id, object: 'customer', deleted: true } : customer;
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

const expire: Answer = (world, _, [id = '']) => {
  const found = find(world, 'checkout.session', id);
  if (found.status !== 'open') throw invalid('Only open sessions can be expired.', 'id');
  found.status = 'expired';
  return world.store.put(found);
};

const expandedSubscription = (world: World, subscription: Subscription, expand: ReadonlySet<string>): object => ({
  ...subscription,
  ...(expand.has('latest_invoice') && {
    latest_invoice: subscription.latest_invoice && (world.store.get('invoice', subscription.latest_invoice) ?? null),
  }),
});

/** Method and path; `*` is an id. */
export const ROUTES: readonly (readonly [method: string, path: string, answer: Answer])[] = [
  ['GET', '/v1/account', account],
  ['POST', '/v1/customers', createCustomer],
  [
    'GET',
    '/v1/customers',
    (world, params) =>
      listed(
        world.store.list('customer').filter((it) => !it.deleted),
        params,
      ),
  ],
  ['GET', '/v1/customers/*', getCustomer],
  ['POST', '/v1/customers/*', updateCustomer],
  ['DELETE', '/v1/customers/*', deleteCustomer],
  [
    'GET',
    '/v1/customers/*/payment_methods',
    (world, params, [id]) =>
      listed(
        world.store.list('payment_method').filter((it) => it.customer === id),
        params,
      ),
  ],
  [
    'POST',
    '/v1/payment_methods/*/attach',
    (world, params, [id = '']) => attach(world, id, living(world, textOf(params, 'customer') ?? '')),
  ],
  ['GET', '/v1/payment_methods/*', get('payment_method')],
  ['GET', '/v1/products', (world, params) => listed(world.store.list('product'), params)],
  ['GET', '/v1/products/*', get('product')],
  ['GET', '/v1/prices', (world, params) => listed(world.store.list('price'), params)],
  ['GET', '/v1/prices/*', get('price')],
  ['POST', '/v1/checkout/sessions', (world, params) => session(world, params, 'checkout.session')],
  ['GET', '/v1/charges/*', get('charge')],
  [
    'GET',
    '/v1/checkout/sessions',
    (world, params) => {
      const [customer, status] = [textOf(params, 'customer'), textOf(params, 'status')];
      const all = world.store.list('checkout.session');
      const fits = (it: Session): boolean =>
        (customer === undefined || it.customer === customer) && (status === undefined || it.status === status);
      return listed(all.filter(fits), params);
    },
  ],
  ['GET', '/v1/checkout/sessions/*', get('checkout.session')],
  ['POST', '/v1/checkout/sessions/*/expire', expire],
  ['POST', '/v1/billing_portal/sessions', (world, params) => session(world, params, 'billing_portal.session')],
  ['POST', '/v1/subscriptions', createSubscription],
  [
    'GET',
    '/v1/subscriptions',
    (world, params) => {
      const [customer, status] = [textOf(params, 'customer'), textOf(params, 'status')];
      if (customer !== undefined) find(world, 'customer', customer);
      const fits = (it: Subscription): boolean =>
        (customer === undefined || it.customer === customer) &&
        (status === 'all' || (status === undefined ? it.status !== 'canceled' : it.status === status));
      const expand = expandOf(params, 'data.');
      return listed(world.store.list('subscription').filter(fits), params, (it) =>
        expandedSubscription(world, it, expand),
      );
    },
  ],
  [
    'GET',
    '/v1/subscriptions/*',
    (world, params, [id = '']) => expandedSubscription(world, find(world, 'subscription', id), expandOf(params)),
  ],
  ['POST', '/v1/subscriptions/*', updateSubscription],
  ['DELETE', '/v1/subscriptions/*', cancel],
  ['POST', '/v1/subscriptions/*/resume', resume],
  ['POST', '/v1/invoices/create_preview', preview],
  [
    'GET',
    '/v1/invoices',
    (world, params) => {
      const [customer, subscription] = [textOf(params, 'customer'), textOf(params, 'subscription')];
      const status = textOf(params, 'status');
      const fits = (it: Invoice): boolean =>
        (status === undefined || it.status === status) &&
        (customer === undefined || it.customer === customer) &&
        (subscription === undefined || it.parent.subscription_details.subscription === subscription);
      return listed(world.store.list('invoice').filter(fits), params);
    },
  ],
  ['GET', '/v1/invoices/*', get('invoice')],
  ['POST', '/v1/invoices/*/pay', onInvoice((world, invoice) => payByHand(world, invoice, false))],
  [
    'POST',
    '/v1/invoices/*/void',
    onInvoice((world, invoice) => {
      giveUp(world, invoice, 'void');
      forgiven(world, invoice);
    }),
  ],
  ['POST', '/v1/invoices/*/mark_uncollectible', onInvoice((world, invoice) => giveUp(world, invoice, 'uncollectible'))],
  ['GET', '/v1/events', (world, params) => listed(world.store.list('event'), params)],
  ['GET', '/v1/events/*', get('event')],
];

const expandOf = (params: Params, prefix = ''): ReadonlySet<string> => {
  const { expand } = params;
  const names = Array.isArray(expand) ? expand : [];
  return new Set(
    names.flatMap((name) => (typeof name === 'string' && name.startsWith(prefix) ? [name.slice(prefix.length)] : [])),
  );
};
