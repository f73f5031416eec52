import { declined, invalid, missing } from '../errors';
import type { World } from '../life/world';
import type { Behaviour, Customer, PaymentMethod } from '../store/objects';
import { newId } from '../store/store';

/** The test cards. `does`: what happens when a customer enters or pays with the card. */
export const CARDS = [
  { number: '4242424242424242', does: 'pays', label: 'Pays' },
  { number: '4000000000000002', does: 'refused', label: 'Is declined at once' },
  { number: '4000000000000341', does: 'declines', label: 'Is accepted, and declines when it is charged' },
  { number: '4000002500003155', does: 'authenticates', label: 'Needs authentication' },
] as const;

const TOKENS: Readonly<Record<string, Behaviour>> = {
  pm_card_visa: 'pays',
  pm_card_chargeCustomerFail: 'declines',
  pm_card_authenticationRequired: 'authenticates',
};

const make = (world: World, behaviour: Behaviour, last4: string, customer: Customer): PaymentMethod => {
  const card = world.store.put<PaymentMethod>({
    ...{ id: newId('pm'), object: 'payment_method', type: 'card', created: world.now(), livemode: false },
    card: { brand: 'visa', last4, exp_month: 12, exp_year: 2034 },
    ...{ customer: customer.id, _behaviour: behaviour },
  });
  return card;
};

/**
 * Attaches a card to a customer.
 * @param id one of Stripe's test tokens, or of a known card
 * @throws SimError it is neither
 */
export const attach = (world: World, id: string, customer: Customer): PaymentMethod => {
  const behaviour = TOKENS[id];
  if (behaviour) return make(world, behaviour, '4242', customer);
  const card = world.store.get('payment_method', id);
  if (!card) throw missing('payment_method', id);
  card.customer = customer.id;
  return world.store.put(card);
};

/** Creates a card from a number that a user entered. @throws SimError it is no test card, or it is declined at once */
export const cardByNumber = (world: World, number: string, customer: Customer): PaymentMethod => {
  const plain = number.replaceAll(/\s/g, '');
  const known = CARDS.find((it) => it.number === plain);
  if (!known) throw invalid('Your card number is invalid. Use one of the test cards.', 'number', 'invalid_number');
  if (known.does === 'refused') throw declined();
  return make(world, known.does, plain.slice(-4), customer);
};

/** Uses a card for all later payments of a customer. */
export const useCard = (world: World, card: PaymentMethod, customer: Customer): void => {
  customer.invoice_settings.default_payment_method = card.id;
  world.store.put(customer);
  for (const subscription of world.store.list('subscription'))
    if (subscription.customer === customer.id && subscription.default_payment_method !== null) {
      subscription.default_payment_method = card.id;
      world.store.put(subscription);
    }
  world.emit('customer.updated', customer);
};
