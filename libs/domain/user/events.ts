import { eventTypes } from '../event-types';

/**
 * The events of a user. They hold no personal data: names and addresses are stored in identity, where they can be
 * erased.
 */
export type UserEvent = UserRegistered | UserErased;

export type UserRegistered = { readonly type: 'UserRegistered'; readonly data: Record<string, never> };

/** The user's personal data is erased. Earlier events of the user stay, with an id that no longer leads to any data. */
export type UserErased = { readonly type: 'UserErased'; readonly data: Record<string, never> };

export const USER_EVENTS = eventTypes<UserEvent>({
  UserRegistered: true,
  UserErased: true,
});
