import { Refusal } from '../refusal';
import type { UserEvent } from './events';
import type { User } from './evolve';

/** Somebody who was a stranger gets an identity. */
export const registerUser = (user: User): UserEvent[] => {
  if (user.status !== 'absent') throw new Refusal('conflict', 'A user with this id already exists.');
  return [{ type: 'UserRegistered', data: {} }];
};

/** Somebody goes for good; once is enough. */
export const eraseUser = (user: User): UserEvent[] => {
  if (user.status === 'absent') throw new Refusal('not-found', 'There is no such user.');
  return user.status === 'erased' ? [] : [{ type: 'UserErased', data: {} }];
};
