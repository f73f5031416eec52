import type { Event, Meta } from '../store/objects';
import { newId, publicForm, type Store } from '../store/store';

const API_VERSION = '2026-10-28.endive';
export const DAY = 86_400;

/** The state that all parts of the simulator share: its objects, its clock and its events. */
export interface World {
  readonly store: Store;
  readonly baseUrl: () => string;
  /** Seconds since 1970, by the simulated clock. */
  now(): number;
  /** Sets the clock forward; an earlier time changes nothing. @param at seconds since 1970 */
  setClock(at: number): void;
  /** Creates an event. @param previous the previous values of the changed fields */
  emit(type: string, object: object, previous?: object): void;
  nextInvoiceNumber(): string;
  /** Is called with each new event. */
  onEvent: (event: Event) => void;
}

/**
 * @param baseUrl of the simulator
 * @param clock ms since 1970, of the machine; the simulated clock adds what was set forward
 */
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
      const data = { object: publicForm(object), ...(previous && { previous_attributes: publicForm(previous) }) };
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

/**
 * One interval later, on the same day of the month, or on its last day if the month is shorter. In seconds since 1970.
 */
export const laterBy = (seconds: number, interval: 'month' | 'year'): number => {
  const date = new Date(seconds * 1_000);
  const months = interval === 'month' ? 1 : 12;
  const target = new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + months, 1));
  const days = new Date(Date.UTC(target.getUTCFullYear(), target.getUTCMonth() + 1, 0)).getUTCDate();
  target.setUTCDate(Math.min(date.getUTCDate(), days));
  target.setUTCHours(date.getUTCHours(), date.getUTCMinutes(), date.getUTCSeconds());
  return Math.floor(target.getTime() / 1_000);
};
