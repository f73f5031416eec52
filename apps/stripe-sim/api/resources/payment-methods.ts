import { textOf } from '../../form';
import { attach } from '../cards';
import { listed } from '../lists';
import { get, type Route } from '../route';
import { existingCustomer } from './customers';

export const PAYMENT_METHOD_ROUTES: readonly Route[] = [
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
    (world, params, [id = '']) => attach(world, id, existingCustomer(world, textOf(params, 'customer') ?? '')),
  ],
  ['GET', '/v1/payment_methods/*', get('payment_method')],
];
