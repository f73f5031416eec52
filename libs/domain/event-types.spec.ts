import { eventTypes } from './event-types';

type Event = { readonly type: 'DoorOpened' } | { readonly type: 'DoorClosed' };

describe('the names of all events of a union', () => {
  it('are listed in the order of the record', () => {
    expect(eventTypes<Event>({ DoorOpened: true, DoorClosed: true })).toEqual(['DoorOpened', 'DoorClosed']);
  });

  it('do not compile when one is missing or unknown', () => {
    // @ts-expect-error: DoorClosed is missing
    eventTypes<Event>({ DoorOpened: true });
    // @ts-expect-error: there is no event DoorLocked
    eventTypes<Event>({ DoorOpened: true, DoorClosed: true, DoorLocked: true });
  });
});
