import type { CommandContext } from '../command';
import { Refusal } from '../refusal';
import type { UserEvent } from './events';
import type { User } from './evolve';

/** Registers a user. The user's stream must not exist yet. */
export class RegisterUser {
  constructor(
    readonly userId: string,
    readonly context: CommandContext,
  ) {}
}

/** @throws Refusal conflict if the user exists or was erased */
export const registerUser = (user: User): UserEvent[] => {
  if (user.status !== 'absent') throw new Refusal('conflict', 'A user with this id already exists.');
  return [{ type: 'UserRegistered', data: {} }];
};

/** Records that the personal data of a user is erased. */
export class EraseUser {
  constructor(
    readonly userId: string,
    readonly context: CommandContext,
  ) {}
}

/** Erasing a user a second time adds no event. @throws Refusal not-found if the user was never registered */
export const eraseUser = (user: User): UserEvent[] => {
  if (user.status === 'absent') throw new Refusal('not-found', 'There is no such user.');
  return user.status === 'erased' ? [] : [{ type: 'UserErased', data: {} }];
};
