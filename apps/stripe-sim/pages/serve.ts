import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { cardByNumber, useCard } from '../api/cards';
import { SimError } from '../errors';
import { type Params, parseForm, textOf } from '../form';
import type { WantedItem } from '../life/lines';
import { payInvoice } from '../life/payments';
import { begin, change } from '../life/subscriptions';
import type { World } from '../life/world';
import type { Customer, Session } from '../store/objects';
import { authenticationForm, cardForm, checkoutPage, closedPage } from './checkout';
import { html, money, page, STYLE } from './html';
import { portalPage } from './portal';

const CSP = "default-src 'none'; style-src 'self'; form-action *; frame-ancestors 'none'; base-uri 'none'";

/** Whether a page of another site sent the form. Such forms are refused, because they could pay with a stored card. */
export const isCrossSite = ({ headers }: FastifyRequest): boolean => {
  const site = headers['sec-fetch-site'];
  return site !== undefined && site !== 'same-origin' && site !== 'none';
};

export const show = (reply: FastifyReply, text: string, status = 200): FastifyReply =>
  reply
    .code(status)
    .headers({ 'content-security-policy': CSP, 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' })
    .type('text/html; charset=utf-8')
    .send(text);

export const formOf = (request: FastifyRequest): Params =>
  parseForm(typeof request.body === 'string' ? request.body.slice(0, 20_000) : '');

const messageOf = (error: unknown): string => {
  if (error instanceof SimError) return error.message;
  throw error;
};

const wantedOf = (world: World, session: Session): WantedItem[] =>
  session._items.flatMap(({ price, quantity }) => {
    const found = world.store.get('price', price);
    return found ? [{ price: found, quantity }] : [];
  });

/**
 * Completes a checkout: the card becomes the customer's default, and the subscription begins.
 * @throws SimError the card does not pay: nothing was changed
 */
const complete = (world: World, session: Session, customer: Customer, number: string, present: boolean): void => {
  const before = customer.invoice_settings.default_payment_method;
  const card = cardByNumber(world, number, customer);
  customer.invoice_settings.default_payment_method = card.id;
  try {
    const items = wantedOf(world, session);
    const subscription = begin(world, { customer: customer.id, items, trialDays: session._trialDays, present });
    session.subscription = subscription.id;
  } catch (error) {
    customer.invoice_settings.default_payment_method = before;
    throw error;
  }
  session.status = 'complete';
  session.payment_status = session._trialDays > 0 ? 'no_payment_required' : 'paid';
  world.store.put(customer);
  world.store.put(session);
  world.emit('checkout.session.completed', session);
};

/** Serves the pages for browsers: checkout, portal and invoices. */
export const servePages = (instance: FastifyInstance, world: World): void => {
  const { store } = world;
  instance.get('/sim.css', async (_, reply) =>
    reply.type('text/css; charset=utf-8').header('cache-control', 'max-age=300').send(STYLE),
  );

  const sessionOf = (request: FastifyRequest, kind: Session['object']): Session | undefined =>
    store.get(kind, (request.params as { id: string }).id) as Session | undefined;
  const notFound = (reply: FastifyReply): FastifyReply =>
    show(reply, closedPage('Page not found', 'The link is not valid, or it was used already.'), 404);

  instance.get('/c/pay/:id', async (request, reply) => {
    const session = sessionOf(request, 'checkout.session');
    if (session?.status !== 'open' || session.expires_at < world.now()) return notFound(reply);
    return show(reply, checkoutPage(world, session, cardForm(`/c/pay/${session.id}`, 'Pay')));
  });

  instance.post('/c/pay/:id', async (request, reply) => {
    const session = sessionOf(request, 'checkout.session');
    const customer = session && store.get('customer', session.customer);
    if (session?.status !== 'open' || !customer || isCrossSite(request)) return notFound(reply);
    const form = formOf(request);
    const number = textOf(form, 'card') ?? textOf(form, 'number') ?? '';
    const authentication = textOf(form, 'authentication');
    const url = `/c/pay/${session.id}`;
    try {
      if (authentication === 'fail')
        throw new SimError(402, 'card_error', 'authentication_failed', 'The authentication failed. Use another card.');
      complete(world, session, customer, number, authentication === 'complete');
    } catch (error) {
      store.commit();
      if (error instanceof SimError && error.code === 'authentication_required')
        return show(reply, checkoutPage(world, session, authenticationForm(url, number)));
      return show(reply, checkoutPage(world, session, cardForm(url, 'Pay', messageOf(error))), 402);
    }
    store.commit();
    const back = (session.success_url ?? '/').replaceAll('{CHECKOUT_SESSION_ID}', session.id);
    return reply.redirect(back, 303);
  });

  instance.get('/p/session/:id', async (request, reply) => {
    const session = sessionOf(request, 'billing_portal.session');
    return session ? show(reply, portalPage(world, session)) : notFound(reply);
  });

  const servePortalForm = (
    path: string,
    apply: (session: Session, customer: Customer, form: Params) => void,
    isCard = false,
  ): void => {
    instance.post(`/p/session/:id/${path}`, async (request, reply) => {
      const session = sessionOf(request, 'billing_portal.session');
      const customer = session && store.get('customer', session.customer);
      if (!session || !customer || isCrossSite(request)) return notFound(reply);
      try {
        apply(session, customer, formOf(request));
      } catch (error) {
        const message = messageOf(error);
        return show(
          reply,
          isCard ? portalPage(world, session, undefined, message) : portalPage(world, session, message),
          402,
        );
      } finally {
        store.commit();
      }
      return reply.redirect(`/p/session/${session.id}`, 303);
    });
  };
  servePortalForm(
    'card',
    (_, customer, form) =>
      useCard(world, cardByNumber(world, textOf(form, 'card') ?? textOf(form, 'number') ?? '', customer), customer),
    true,
  );
  servePortalForm('pay', (_, customer, form) => {
    const invoice = store.get('invoice', textOf(form, 'invoice') ?? '');
    if (invoice?.customer === customer.id) payInvoice(world, invoice, true);
  });
  const setCancellation = (isCanceled: boolean) => (_: Session, customer: Customer, form: Params) => {
    const subscription = store.get('subscription', textOf(form, 'subscription') ?? '');
    if (subscription?.customer === customer.id)
      change(world, subscription, { cancel_at_period_end: isCanceled, canceled_at: isCanceled ? world.now() : null });
  };
  servePortalForm('cancel', setCancellation(true));
  servePortalForm('resume', setCancellation(false));

  instance.get('/invoice/:id', async (request, reply) => {
    const invoice = store.get('invoice', (request.params as { id: string }).id);
    if (!invoice) return notFound(reply);
    const { number, currency, lines, total, status } = invoice;
    const body = html`<h1>Invoice ${number}</h1>
<ul class="lines">${lines.data.map((it) => html`<li><span>${it.description}</span><span>${money(it.amount, it.currency)}</span></li>`)}</ul>
<p class="total"><span>Total, ${status}</span><span>${money(total, currency)}</span></p>`;
    return show(reply, page(`Invoice ${number}`, body));
  });
};
