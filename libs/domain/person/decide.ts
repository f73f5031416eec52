import { Refusal } from '../refusal';
import type { PersonEvent } from './events';
import type { Person } from './evolve';

/** Somebody who was a stranger gets an identity. */
export const registerPerson = (person: Person): PersonEvent[] => {
  if (person.status !== 'absent') throw new Refusal('conflict', 'The person is registered already.');
  return [{ type: 'PersonRegistered', data: {} }];
};
