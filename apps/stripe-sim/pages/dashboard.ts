import { FAULTS, type Faults } from '../faults';
import { nextMoment } from '../life/time';
import type { World } from '../life/world';
import type { Deliveries } from '../webhooks/deliveries';
import { day, type Html, html, moment, money, page } from './html';

/** Number of rows in each table. */
const NEWEST = 25;

const chaosForm = ({ chaos }: Deliveries): Html => html`<form method="post" action="/_sim/chaos" class="row">
<label>Share sent twice, 0 to 1<input name="duplicate" value="${chaos.duplicate}"></label>
<label>Share dropped, 0 to 1<input name="drop" value="${chaos.drop}"></label>
<label>Maximum delay, ms<input name="delayMs" value="${chaos.delayMs}"></label>
<label>Events shuffled together<input name="reorder" value="${chaos.reorder}"></label>
<button>Set</button></form>`;

const faultForm = (): Html => html`<form method="post" action="/_sim/faults" class="row">
<label>Method<select name="method"><option>POST</option><option>GET</option></select></label>
<label>Path begins with<input name="path" value="/v1/subscriptions"></label>
<label>Fault<select name="kind">${FAULTS.map((it) => html`<option>${it}</option>`)}</select></label>
<label>Times<input name="times" value="1"></label>
<button>Add fault</button></form>`;

/** The dashboard: the clock, the newest objects, and forms for faults. */
export const dashboardPage = (world: World, deliveries: Deliveries, faults: Faults): string => {
  const { store } = world;
  const next = nextMoment(world);
  const deliveryOf = new Map(deliveries.log.map((it) => [it.eventId, it]));
  const events = store.list('event').slice(-NEWEST).reverse();
  const clockButton = (by: string, label: string) => html`<button name="by" value="${by}">${label}</button>`;
  return page(
    'Stripe simulator',
    html`<h1>Stripe simulator</h1>
<p>The simulated time is <strong>${moment(world.now())}</strong> UTC. ${next === undefined ? 'Nothing is scheduled.' : `The next scheduled change is on ${moment(next)}.`}</p>
<form method="post" action="/_sim/advance" class="row">${clockButton('86400', '+1 day')}${clockButton('259200', '+3 days')}${clockButton('month', '+1 month')}${next !== undefined && clockButton('next', 'To the next change')}</form>
<h2>Subscriptions</h2>
<div class="scroll"><table><thead><tr><th>Customer<th>Subscription<th>Status<th>Period ends<th>Lines</tr></thead><tbody>
${store
  .list('subscription')
  .slice(-NEWEST)
  .reverse()
  .map(
    (it) =>
      html`<tr><td>${store.get('customer', it.customer)?.name ?? it.customer}<td><code>${it.id}</code><td>${it.status}${it.cancel_at_period_end && ', will end'}<td>${day(it.items.data[0]?.current_period_end ?? 0)}<td>${it.items.data.map(({ quantity, price }) => `${quantity} × ${price.id}`).join(', ')}</tr>`,
  )}
</tbody></table></div>
<h2>Invoices</h2>
<div class="scroll"><table><thead><tr><th>Number<th>Customer<th>Amount<th>Status<th>Attempts<th>Next attempt<th></tr></thead><tbody>
${store
  .list('invoice')
  .slice(-NEWEST)
  .reverse()
  .map(
    (it) =>
      html`<tr><td>${it.number}<td>${store.get('customer', it.customer)?.name ?? it.customer}<td>${money(it.total, it.currency)}<td>${it.status}<td>${it.attempt_count}<td>${it.next_payment_attempt ? day(it.next_payment_attempt) : ''}<td>${it.status === 'paid' && html`<form method="post" action="/_sim/dispute"><input type="hidden" name="invoice" value="${it.id}"><button class="plain">Dispute</button></form>`}</tr>`,
  )}
</tbody></table></div>
<h2>Events</h2>
<div class="scroll"><table><thead><tr><th>Time<th>Type<th>Event<th>Delivery<th></tr></thead><tbody>
${events.map((it) => html`<tr><td>${moment(it.created)}<td>${it.type}<td><code>${it.id}</code><td>${deliveryText(deliveryOf.get(it.id), it._pending)}<td><form method="post" action="/_sim/redeliver"><input type="hidden" name="event" value="${it.id}"><button class="plain">Send again</button></form></tr>`)}
</tbody></table></div>
<h2>Webhook delivery faults</h2>${chaosForm(deliveries)}
<h2>API faults</h2>${faultForm()}
${
  faults.left.length > 0 &&
  html`<p>Active: ${faults.left.map(({ method, path, kind, times }) => `${method} ${path} ${kind} ×${times}`).join('; ')}</p>
<form method="post" action="/_sim/faults/clear" class="row"><button class="plain">Clear faults</button></form>`
}`,
    true,
  );
};

const deliveryText = (
  delivery: { status: number | undefined; attempt: number } | undefined,
  pending = false,
): string => {
  if (delivery)
    return `${delivery.status ?? 'no answer'}${delivery.attempt > 1 ? `, attempt ${delivery.attempt}` : ''}`;
  return pending ? 'waits' : '';
};
