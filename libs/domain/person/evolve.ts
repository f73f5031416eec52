import { hasShapeOfOne } from '../shape';
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

/** Of each status, for a state that comes back from a snapshot. */
const SAMPLES: readonly Person[] = [{ status: 'absent' }, { status: 'registered' }, { status: 'erased' }];

/** How a person's state comes from their events. */
export const personFold = {
  aggregate: 'user',
  foldVersion: 1,
  initial: { status: 'absent' } as Person,
  evolve,
  isState: (value: unknown): value is Person => hasShapeOfOne(value, 'status', SAMPLES),
};
