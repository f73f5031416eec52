import { matchesOneSample } from '../shape';
import { unknownEvent } from '../unknown-event';
import type { UserEvent } from './events';

export type User = { readonly status: 'absent' | 'registered' | 'erased' };

const evolve = (user: User, event: UserEvent): User => {
  switch (event.type) {
    case 'UserRegistered':
      return { status: 'registered' };
    case 'UserErased':
      return { status: 'erased' };
    case 'PasswordChanged':
    case 'EmailChanged':
    case 'SignInsFailed':
      return user;
    default:
      return unknownEvent(event);
  }
};

/** One sample of each status, to check a state that is read from a snapshot. */
const SAMPLES: readonly User[] = [{ status: 'absent' }, { status: 'registered' }, { status: 'erased' }];

/** Builds the state of a user from their events. */
export const userFold = {
  aggregate: 'user',
  foldVersion: 1,
  initial: { status: 'absent' } as User,
  evolve,
  isState: (value: unknown): value is User => matchesOneSample(value, 'status', SAMPLES),
};
