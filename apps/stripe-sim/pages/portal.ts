import { cardOf } from '../life/invoices';
import { periodOf } from '../life/lines';
import type { World } from '../life/world';
import type { Invoice, Session, Subscription } from '../store/objects';
import { cardForm } from './checkout';
import { day, type Html, html, money, page } from './html';

const stateOf = (status: string): Html => {
  const style =
    status === 'paid' || status === 'active' || status === 'trialing'
      ? 'good'
      : status === 'open' || status === 'past_due'
        ? 'bad'
        : '';
  return html`<span class="state ${style}">${status}</span>`;
};

const subscriptionSection = (world: World, session: Session, subscription: Subscription): Html => {
  const card = cardOf(world, subscription);
  const { end } = periodOf(subscription);
  const base = `/p/session/${session.id}`;
  const action = (to: string, label: string) =>
    html`<form method="post" action="${base}/${to}"><input type="hidden" name="subscription" value="${subscription.id}"><button class="plain">${label}</button></form>`;
  return html`<h2>Subscription</h2>
<ul class="lines">${subscription.items.data.map(({ price, quantity }) => html`<li><span>${quantity > 1 ? `${quantity} × ` : ''}${world.store.get('product', price.product)?.name ?? price.id}</span><span>${money(price.unit_amount * quantity, price.currency)}</span></li>`)}</ul>
<p>${stateOf(subscription.status)}, ${subscription.cancel_at_period_end ? 'ends' : 'renews'} on ${day(end)}${card ? `, paid by the card ${card.card.last4}` : ''}.</p>
${subscription.cancel_at_period_end ? action('resume', 'Do not cancel') : action('cancel', 'Cancel at the end of the period')}`;
};

const invoiceRow = (session: Session, invoice: Invoice): Html => html`<tr>
<td>${invoice.number}</td><td>${day(invoice.created)}</td><td>${money(invoice.total, invoice.currency)}</td><td>${stateOf(invoice.status)}</td>
<td>${invoice.status === 'open' && html`<form method="post" action="/p/session/${session.id}/pay"><input type="hidden" name="invoice" value="${invoice.id}"><button>Pay</button></form>`}</td></tr>`;

/**
 * The portal page: subscriptions, card and invoices of a customer.
 * @param problem why the last form was refused
 * @param cardProblem why the last card was refused
 */
export const portalPage = (world: World, session: Session, problem?: string, cardProblem?: string): string => {
  const { store } = world;
  const subscriptions = store
    .list('subscription')
    .filter((it) => it.customer === session.customer && it.status !== 'canceled');
  const invoices = store
    .list('invoice')
    .filter((it) => it.customer === session.customer)
    .reverse();
  return page(
    'Your subscription',
    html`<h1>${store.get('customer', session.customer)?.name ?? 'Your subscription'}</h1>
${session.return_url && html`<p><a id="return" href="${session.return_url}">Back to where you came from</a></p>`}
${problem && html`<p class="problem" role="alert">${problem}</p>`}
${subscriptions.length === 0 ? html`<p>There is no subscription.</p>` : subscriptions.map((it) => subscriptionSection(world, session, it))}
<h2>Card</h2>
${cardForm(`/p/session/${session.id}/card`, 'Use this card', cardProblem)}
<h2>Invoices</h2>
<div class="scroll"><table><tbody>${invoices.map((it) => invoiceRow(session, it))}</tbody></table></div>`,
  );
};
