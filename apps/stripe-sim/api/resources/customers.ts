import { missing } from '../../errors';
import { metadataOf, objectOf, textOf } from '../../form';
import { end } from '../../life/subscriptions';
import type { World } from '../../life/world';
import type { Customer } from '../../store/objects';
import { newId } from '../../store/store';
import { listed } from '../lists';
import { type Answer, find, type Route } from '../route';

/** The customer with an id. @throws SimError there is none, or it was deleted */
export const existingCustomer = (world: World, id: string): Customer => {
  const customer = find(world, 'customer', id);
  if (customer.deleted) throw missing('customer', id);
  return customer;
};

const create: Answer = (world, params) => {
  const customer = world.store.put<Customer>({
    ...{ id: newId('cus'), object: 'customer', created: world.now(), livemode: false, balance: 0 },
    ...{ name: textOf(params, 'name') ?? null, email: textOf(params, 'email') ?? null, metadata: metadataOf(params) },
    invoice_settings: { default_payment_method: null },
  });
  world.emit('customer.created', customer);
  return customer;
};

const update: Answer = (world, params, [id = '']) => {
  const customer = existingCustomer(world, id);
  const card = textOf(objectOf(params, 'invoice_settings'), 'default_payment_method');
  if (card) customer.invoice_settings.default_payment_method = find(world, 'payment_method', card).id;
  customer.name = textOf(params, 'name') ?? customer.name;
  customer.email = textOf(params, 'email') ?? customer.email;
  Object.assign(customer.metadata, metadataOf(params));
  world.store.put(customer);
  world.emit('customer.updated', customer);
  return customer;
};

/** Deletes a customer and ends its subscriptions. */
const remove: Answer = (world, _, [id = '']) => {
  const customer = existingCustomer(world, id);
  for (const subscription of world.store.list('subscription'))
    if (subscription.customer === id) end(world, subscription);
  customer.deleted = true;
  world.store.put(customer);
  world.emit('customer.deleted', customer);
  return { id, object: 'customer', deleted: true };
};

const retrieve: Answer = (world, _, [id = '']) => {
  const customer = find(world, 'customer', id);
  return customer.deleted ? { id, object: 'customer', deleted: true } : customer;
};

export const CUSTOMER_ROUTES: readonly Route[] = [
  ['POST', '/v1/customers', create],
  [
    'GET',
    '/v1/customers',
    (world, params) =>
      listed(
        world.store.list('customer').filter((it) => !it.deleted),
        params,
      ),
  ],
  ['GET', '/v1/customers/*', retrieve],
  ['POST', '/v1/customers/*', update],
  ['DELETE', '/v1/customers/*', remove],
];
