import type { Event, Meta } from '../store/objects';
import { newId, type Store, shown } from '../store/store';

const API_VERSION = '2026-10-28.endive';
export const DAY = 86_400;

/** What the parts of the simulated Stripe share: its objects, its clock, and the events that it tells. */
export interface World {
  readonly store: Store;
  readonly baseUrl: () => string;
  /** Seconds, by the simulated clock. */
  now(): number;
  /** Sets the clock forward. @param at seconds */
  setClock(at: number): void;
  emit(type: string, object: object, previous?: object): void;
  nextInvoiceNumber(): string;
  /** Called with each event that is to be delivered. */
  onEvent: (event: Event) => void;
}

export const createWorld = (store: Store, baseUrl: () => string, clock: () => number): World => {
  const meta: Meta =
    store.get('_meta', 'meta') ??
    store.put({ id: 'meta', object: '_meta', created: 0, livemode: false, _offset: 0, _order: 0, _invoices: 0 });
  const now = (): number => Math.floor(clock() / 1_000) + meta._offset;
  const world: World = {
    store,
    baseUrl,
    now,
    setClock: (at) => {
      const ahead = at - now();
      if (ahead <= 0) return;
      meta._offset += ahead;
      store.put(meta);
    },
    emit: (type, object, previous) => {
      meta._order += 1;
      store.put(meta);
      const data = { object: shown(object), ...(previous && { previous_attributes: shown(previous) }) };
      const event = store.put<Event>({
        ...{ id: newId('evt'), object: 'event', type, api_version: API_VERSION, created: now(), livemode: false },
        ...{ data, _order: meta._order, _pending: true },
      });
      world.onEvent(event);
    },
    nextInvoiceNumber: () => {
      meta._invoices += 1;
      store.put(meta);
      return `SIM-${String(meta._invoices).padStart(4, '0')}`;
    },
    onEvent: () => undefined,
  };
  return world;
};

/** One interval later, on the same day of the month where there is one. */
export const laterBy = (seconds: number, interval: 'month' | 'year'): number => {
  const date = new Date(seconds * 1_000);
  const months = interval === 'month' ? 1 : 12;
  const target = new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + months, 1));
  const days = new Date(Date.UTC(target.getUTCFullYear(), target.getUTCMonth() + 1, 0)).getUTCDate();
  target.setUTCDate(Math.min(date.getUTCDate(), days));
  target.setUTCHours(date.getUTCHours(), date.getUTCMinutes(), date.getUTCSeconds());
  return Math.floor(target.getTime() / 1_000);
};
