import { Refusal } from '../refusal';
import type { PersonEvent } from './events';
import type { Person } from './evolve';

/** Somebody who was a stranger gets an identity. */
export const registerPerson = (person: Person): PersonEvent[] => {
  if (person.status !== 'absent') throw new Refusal('conflict', 'A user with this id already exists.');
  return [{ type: 'PersonRegistered', data: {} }];
};

/** Somebody goes for good; once is enough. */
export const erasePerson = (person: Person): PersonEvent[] => {
  if (person.status === 'absent') throw new Refusal('not-found', 'There is no such user.');
  return person.status === 'erased' ? [] : [{ type: 'PersonErased', data: {} }];
};
