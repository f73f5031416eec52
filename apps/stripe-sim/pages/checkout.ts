import { CARDS } from '../api/cards';
import type { World } from '../life/world';
import type { Session } from '../store/objects';
import { type Html, html, money, page } from './html';

const linesOf = ({ store }: World, session: Session) =>
  session._items.map(({ price, quantity }) => {
    const found = store.get('price', price);
    const product = found && store.get('product', found.product);
    const amount = (found?.unit_amount ?? 0) * quantity;
    return {
      name: product?.name ?? price,
      quantity,
      amount,
      currency: found?.currency ?? 'eur',
      interval: found?.recurring.interval,
    };
  });

const cardButtons = (): Html => html`<p class="soft" id="cards">Or use a test card:</p>
<div class="cards" role="group" aria-labelledby="cards">
${CARDS.map(({ number, label }) => html`<button class="plain" name="card" value="${number}"><span>${label}</span><code>${number.replaceAll(/(\d{4})(?=\d)/g, '$1 ')}</code></button>\n`)}</div>`;

/** The form to enter a card. @param verb the text of its button @param problem why the last card was refused */
export const cardForm = (
  action: string,
  verb: string,
  problem?: string,
): Html => html`<form method="post" action="${action}">
<label for="number">Card number</label>
${problem && html`<p class="problem" id="number-error" role="alert">${problem}</p>`}
<input id="number" name="number" inputmode="numeric" autocomplete="cc-number" placeholder="4242 4242 4242 4242"${problem ? html` aria-invalid="true" aria-describedby="number-error"` : ''}>
<button id="pay">${verb}</button>
<p></p>
${cardButtons()}
</form>`;

export const authenticationForm = (
  action: string,
  card: string,
): Html => html`<h2>Your bank asks you to authenticate</h2>
<form method="post" action="${action}" class="stack">
<input type="hidden" name="number" value="${card}">
<button name="authentication" value="complete">Complete authentication</button>
<button class="plain" name="authentication" value="fail">Fail authentication</button>
</form>`;

/** The checkout page: the lines and the price of the purchase, and a form. */
export const checkoutPage = (world: World, session: Session, form: Html): string => {
  const lines = linesOf(world, session);
  const [first] = lines;
  const total = lines.reduce((sum, { amount }) => sum + amount, 0);
  const customer = world.store.get('customer', session.customer);
  return page(
    'Checkout',
    html`<h1>Subscribe</h1>
<p class="soft">For ${customer?.name ?? session.customer}</p>
<ul class="lines">${lines.map(({ name, quantity, amount, currency }) => html`<li><span>${quantity > 1 ? `${quantity} × ` : ''}${name}</span><span>${money(amount, currency)}</span></li>`)}</ul>
<p class="total"><span>${session._trialDays > 0 ? `After ${session._trialDays} days, each ${first?.interval}` : `Each ${first?.interval ?? 'month'}`}</span><span>${money(total, first?.currency ?? 'eur')}</span></p>
${form}
${session.cancel_url && html`<p><a href="${session.cancel_url}">Cancel and go back</a></p>`}`,
  );
};

/** A page that can no longer be used. */
export const closedPage = (title: string, text: string): string => page(title, html`<h1>${title}</h1><p>${text}</p>`);
