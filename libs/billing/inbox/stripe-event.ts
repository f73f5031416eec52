import { createHash } from 'node:crypto';

/** The Stripe account and mode of an installation. */
export interface Mode {
  /** Empty: the account that the secret key belongs to. */
  readonly account: string;
  /** False: test mode, in which no money moves. */
  readonly livemode: boolean;
}

/** An event from Stripe as the inbox stores it. */
export interface StripeEvent extends Mode {
  readonly eventId: string;
  readonly type: string;
  readonly customerId: string | null;
  readonly createdAt: Date;
  readonly payload: string;
  readonly state: 'pending' | 'ignored' | 'quarantined';
  readonly reason: string | null;
}

/** An event of this type names a charge and no customer: the customer has to be read from Stripe. */
export const DISPUTED = 'charge.dispute.created';

/**
 * The event types that matter to the product. Each only means that the state of its customer has to be read from
 * Stripe.
 */
const HANDLED: ReadonlySet<string> = new Set([
  'checkout.session.completed',
  'customer.subscription.created',
  'customer.subscription.updated',
  'customer.subscription.deleted',
  'customer.subscription.paused',
  'customer.subscription.resumed',
  'customer.subscription.trial_will_end',
  'invoice.paid',
  'invoice.payment_failed',
  'invoice.payment_action_required',
  'invoice.voided',
  'invoice.marked_uncollectible',
  DISPUTED,
  'customer.deleted',
]);

const MAX = { id: 255, type: 100 };

const textOf = (value: unknown, max: number): string | undefined =>
  typeof value === 'string' && value.length > 0 && value.length <= max && !value.includes('\0') ? value : undefined;

/** Seconds by which Stripe's clock may be ahead of this server's: a day, or in test mode the range of a test clock. */
const MAX_AHEAD = { live: 86_400, test: 20 * 366 * 86_400 };

const isTime = (value: unknown, livemode: boolean, now: Date): value is number =>
  typeof value === 'number' &&
  Number.isInteger(value) &&
  value >= 0 &&
  value <= now.getTime() / 1_000 + (livemode ? MAX_AHEAD.live : MAX_AHEAD.test);

/**
 * The id of the customer of an object. The object is the customer, or its field `customer` holds the customer or its
 * id.
 */
const customerOf = (object: Record<string, unknown>): string | null => {
  if (object['object'] === 'customer') return textOf(object['id'], MAX.id) ?? null;
  const { customer } = object;
  if (typeof customer === 'object' && customer !== null && 'id' in customer) return textOf(customer.id, MAX.id) ?? null;
  return textOf(customer, MAX.id) ?? null;
};

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;

const parsed = (payload: string): unknown => {
  try {
    return JSON.parse(payload);
  } catch {
    return undefined;
  }
};

/** The id under which an event without a usable id is stored: always the same for the same payload. */
const idOf = (payload: string): string => `unreadable_${createHash('sha256').update(payload).digest('hex')}`;

/** The row for an event that the database refuses. It has none of its values, because any may be the reason. */
export const refusedStripeEvent = ({ payload }: StripeEvent, mode: Mode, now = new Date()): StripeEvent => ({
  ...{ ...mode, eventId: idOf(payload), type: 'unreadable', customerId: null, createdAt: now, payload: '' },
  ...{
    state: 'quarantined',
    reason: 'the database refuses a value of the event; look it up in Stripe by its creation time',
  },
});

/**
 * Reads the body of a webhook whose signature was checked, or an event of Stripe's list. Never throws: an event that
 * cannot be understood is `quarantined` with the reason, and one of a type that does not matter is `ignored`.
 * @param mode of this installation: an event of the other mode or of another account is quarantined
 * @param now the time of an event whose own time cannot be read
 */
export const readStripeEvent = (payload: string, mode: Mode, now = new Date()): StripeEvent => {
  const event = parsed(payload);
  const unreadable = (reason: string): StripeEvent => ({
    ...{ ...mode, eventId: idOf(payload), type: 'unreadable' },
    // A text column of PostgreSQL cannot hold NUL.
    ...{ customerId: null, createdAt: now, payload: payload.replaceAll('\0', '\uFFFD'), state: 'quarantined', reason },
  });
  if (!isRecord(event)) return unreadable('the body is not JSON');
  const [eventId, type] = [textOf(event['id'], MAX.id), textOf(event['type'], MAX.type)];
  const { data, created, livemode, account } = event;
  const object = isRecord(data) ? data['object'] : undefined;
  if (!eventId || !type || !isRecord(object) || typeof livemode !== 'boolean' || !isTime(created, livemode, now))
    return unreadable('the body is not a Stripe event');
  const fields = {
    ...{ account: textOf(account, MAX.id) ?? '', livemode, eventId, type, customerId: customerOf(object) },
    ...{ createdAt: new Date(created * 1_000), payload },
  };
  const quarantined = (reason: string): StripeEvent => ({ ...fields, state: 'quarantined', reason });
  if (livemode !== mode.livemode)
    return quarantined(
      livemode
        ? 'it is a live mode event, and this server uses test mode'
        : 'it is a test mode event, and this server uses live mode',
    );
  if (fields.account !== mode.account) return quarantined('it belongs to another Stripe account');
  if (!HANDLED.has(type)) return { ...fields, state: 'ignored', reason: null };
  if (fields.customerId === null && type !== DISPUTED) return quarantined('it names no customer');
  return { ...fields, state: 'pending', reason: null };
};
