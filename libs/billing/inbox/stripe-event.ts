import { createHash } from 'node:crypto';

/** The mode of an installation, and whose account it is; empty for its own. */
export interface Mode {
  readonly account: string;
  readonly livemode: boolean;
}

/** What Stripe told, as the inbox takes it. */
export interface StripeEvent extends Mode {
  readonly eventId: string;
  readonly type: string;
  readonly customerId: string | null;
  readonly createdAt: Date;
  readonly payload: string;
  readonly state: 'pending' | 'ignored' | 'quarantined';
  readonly reason: string | null;
}

/** What names a charge alone: whose that is has to be asked. */
export const DISPUTED = 'charge.dispute.created';

/** The types that mean something to us: each says no more than that its customer is to be looked at. */
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

/** Seconds by which Stripe's clock may be ahead of ours: a day, or as far as a test clock goes. */
const AHEAD = { live: 86_400, test: 20 * 366 * 86_400 };

const isTime = (value: unknown, livemode: boolean, now: Date): value is number =>
  typeof value === 'number' &&
  Number.isInteger(value) &&
  value >= 0 &&
  value <= now.getTime() / 1_000 + (livemode ? AHEAD.live : AHEAD.test);

/** The customer that an object is of: itself, or named by it, whole or by its id. */
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

/** The id of what has none that can be believed: the same for the same payload. */
const idOf = (payload: string): string => `unreadable_${createHash('sha256').update(payload).digest('hex')}`;

/** What the inbox keeps of an entry that the database refuses: none of its values, since any of them may be the reason. */
export const refusedStripeEvent = ({ payload }: StripeEvent, mode: Mode, now = new Date()): StripeEvent => ({
  ...{ ...mode, eventId: idOf(payload), type: 'unreadable', customerId: null, createdAt: now, payload: '' },
  ...{
    state: 'quarantined',
    reason: 'the database refuses a value of the event; look it up in Stripe by its creation time',
  },
});

/**
 * What the inbox keeps of a signed payload. Never throws: what cannot be understood is kept, too, and said to be so.
 * @param mode of this installation: an event of the other one is nobody's here
 */
export const readStripeEvent = (payload: string, mode: Mode, now = new Date()): StripeEvent => {
  const event = parsed(payload);
  const unreadable = (reason: string): StripeEvent => ({
    ...{ ...mode, eventId: idOf(payload), type: 'unreadable' },
    // A text column holds everything but NUL.
    ...{ customerId: null, createdAt: now, payload: payload.replaceAll('\0', '\uFFFD'), state: 'quarantined', reason },
  });
  if (!isRecord(event)) return unreadable('the body is not JSON');
  const [eventId, type] = [textOf(event['id'], MAX.id), textOf(event['type'], MAX.type)];
  const { data, created, livemode, account } = event;
  const object = isRecord(data) ? data['object'] : undefined;
  if (!eventId || !type || !isRecord(object) || typeof livemode !== 'boolean' || !isTime(created, livemode, now))
    return unreadable('the body is not a Stripe event');
  const told = {
    ...{ account: textOf(account, MAX.id) ?? '', livemode, eventId, type, customerId: customerOf(object) },
    ...{ createdAt: new Date(created * 1_000), payload },
  };
  const quarantined = (reason: string): StripeEvent => ({ ...told, state: 'quarantined', reason });
  if (livemode !== mode.livemode)
    return quarantined(
      livemode
        ? 'it is a live mode event, and this server uses test mode'
        : 'it is a test mode event, and this server uses live mode',
    );
  if (told.account !== mode.account) return quarantined('it belongs to another Stripe account');
  if (!HANDLED.has(type)) return { ...told, state: 'ignored', reason: null };
  if (told.customerId === null && type !== DISPUTED) return quarantined('it names no customer');
  return { ...told, state: 'pending', reason: null };
};
