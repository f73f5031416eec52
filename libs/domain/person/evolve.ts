import { unknownEvent } from '../unknown-event';
import type { PersonEvent } from './events';

export type Person = { readonly status: 'absent' | 'registered' | 'erased' };

const evolve = (_: Person, event: PersonEvent): Person => {
  switch (event.type) {
    case 'PersonRegistered':
      return { status: 'registered' };
    case 'PersonErased':
      return { status: 'erased' };
    default:
      return unknownEvent(event);
  }
};

/** How a person's state comes from their events. */
export const personFold = { aggregate: 'user', foldVersion: 1, initial: { status: 'absent' } as Person, evolve };
