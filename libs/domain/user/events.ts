import { eventTypes } from '../event-types';

/** What can happen to a user. No personal data: names and addresses live in identity, where they can be erased. */
export type UserEvent = UserRegistered | UserErased;

export type UserRegistered = { readonly type: 'UserRegistered'; readonly data: Record<string, never> };

/** Their personal data is gone; what they did stays, under an id that leads nowhere. */
export type UserErased = { readonly type: 'UserErased'; readonly data: Record<string, never> };

export const USER_EVENTS = eventTypes<UserEvent>({
  UserRegistered: true,
  UserErased: true,
});
