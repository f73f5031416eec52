import { invalid } from '../../errors';
import { listOf, metadataOf, numberOf, objectOf, type Params, textOf } from '../../form';
import { DAY, type World } from '../../life/world';
import type { Session } from '../../store/objects';
import { newId } from '../../store/store';
import { listed } from '../lists';
import { type Answer, find, get, type Route } from '../route';
import { existingCustomer } from './customers';
import { wantedOf } from './items';

const open = (world: World, params: Params, object: Session['object']): Session => {
  const customer = existingCustomer(world, textOf(params, 'customer') ?? '');
  const isCheckout = object === 'checkout.session';
  const id = newId(isCheckout ? 'cs_test' : 'bps');
  const items = wantedOf(world, listOf(params, 'line_items')).map(({ price, quantity }) => ({
    price: price.id,
    quantity,
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

const list: Answer = (world, params) => {
  const [customer, status] = [textOf(params, 'customer'), textOf(params, 'status')];
  const matches = (it: Session): boolean =>
    (customer === undefined || it.customer === customer) && (status === undefined || it.status === status);
  return listed(world.store.list('checkout.session').filter(matches), params);
};

const expire: Answer = (world, _, [id = '']) => {
  const found = find(world, 'checkout.session', id);
  if (found.status !== 'open') throw invalid('Only open sessions can be expired.', 'id');
  found.status = 'expired';
  return world.store.put(found);
};

/** The routes for pages of checkout and of the customer portal. */
export const SESSION_ROUTES: readonly Route[] = [
  ['POST', '/v1/checkout/sessions', (world, params) => open(world, params, 'checkout.session')],
  ['GET', '/v1/checkout/sessions', list],
  ['GET', '/v1/checkout/sessions/*', get('checkout.session')],
  ['POST', '/v1/checkout/sessions/*/expire', expire],
  ['POST', '/v1/billing_portal/sessions', (world, params) => open(world, params, 'billing_portal.session')],
];
