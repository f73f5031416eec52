import { listOf, numberOf, objectOf, textOf } from '../../form';
import { closeUnpaid } from '../../life/invoices';
import { proration } from '../../life/item-changes';
import { periodOf } from '../../life/lines';
import { activateAfterVoid, payInvoice } from '../../life/payments';
import type { World } from '../../life/world';
import type { Invoice } from '../../store/objects';
import { newId } from '../../store/store';
import { listed } from '../lists';
import { type Answer, find, get, type Route } from '../route';
import { itemsAfter } from './items';

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

const list: Answer = (world, params) => {
  const [customer, subscription] = [textOf(params, 'customer'), textOf(params, 'subscription')];
  const status = textOf(params, 'status');
  const matches = (it: Invoice): boolean =>
    (status === undefined || it.status === status) &&
    (customer === undefined || it.customer === customer) &&
    (subscription === undefined || it.parent.subscription_details.subscription === subscription);
  return listed(world.store.list('invoice').filter(matches), params);
};

/** Answers with the invoice of the path after `update` has changed it. */
const onInvoice =
  (update: (world: World, invoice: Invoice) => void): Answer =>
  (world, _, [id = '']) => {
    const invoice = find(world, 'invoice', id);
    update(world, invoice);
    return invoice;
  };

export const INVOICE_ROUTES: readonly Route[] = [
  ['POST', '/v1/invoices/create_preview', preview],
  ['GET', '/v1/invoices', list],
  ['GET', '/v1/invoices/*', get('invoice')],
  ['POST', '/v1/invoices/*/pay', onInvoice((world, invoice) => payInvoice(world, invoice, false))],
  [
    'POST',
    '/v1/invoices/*/void',
    onInvoice((world, invoice) => {
      closeUnpaid(world, invoice, 'void');
      activateAfterVoid(world, invoice);
    }),
  ],
  [
    'POST',
    '/v1/invoices/*/mark_uncollectible',
    onInvoice((world, invoice) => closeUnpaid(world, invoice, 'uncollectible')),
  ],
];
