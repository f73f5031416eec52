import { listed } from './lists';
import { CUSTOMER_ROUTES } from './resources/customers';
import { INVOICE_ROUTES } from './resources/invoices';
import { PAYMENT_METHOD_ROUTES } from './resources/payment-methods';
import { SESSION_ROUTES } from './resources/sessions';
import { SUBSCRIPTION_ROUTES } from './resources/subscriptions';
import { type Answer, get, type Route } from './route';

const account: Answer = () => ({
  id: 'acct_simulated',
  object: 'account',
  country: 'DE',
  default_currency: 'eur',
  charges_enabled: true,
});

/** All routes of the simulated API: those of the resources, and those for objects that can only be read. */
export const ROUTES: readonly Route[] = [
  ...[...CUSTOMER_ROUTES, ...PAYMENT_METHOD_ROUTES, ...SESSION_ROUTES, ...SUBSCRIPTION_ROUTES, ...INVOICE_ROUTES],
  ['GET', '/v1/account', account],
  ['GET', '/v1/products', (world, params) => listed(world.store.list('product'), params)],
  ['GET', '/v1/products/*', get('product')],
  ['GET', '/v1/prices', (world, params) => listed(world.store.list('price'), params)],
  ['GET', '/v1/prices/*', get('price')],
  ['GET', '/v1/charges/*', get('charge')],
  ['GET', '/v1/events', (world, params) => listed(world.store.list('event'), params)],
  ['GET', '/v1/events/*', get('event')],
];
