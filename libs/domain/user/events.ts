import { eventTypes } from '../event-types';

/**
 * The events of a user. They hold no personal data: names and addresses are stored in identity, where they can be
 * erased.
 */
export type UserEvent = UserRegistered | UserErased | PasswordChanged | EmailChanged | SignInsFailed;

export type UserRegistered = { readonly type: 'UserRegistered'; readonly data: Record<string, never> };

/** The user's personal data is erased. Earlier events of the user stay, with an id that no longer leads to any data. */
export type UserErased = { readonly type: 'UserErased'; readonly data: Record<string, never> };

/** The user has another password. All other sessions of the user ended. */
export type PasswordChanged = {
  readonly type: 'PasswordChanged';
  readonly data: {
    /** RFC 3339. The event is recorded a moment later. */
    readonly at: string;
  };
};

/** The user has another e-mail address. */
export type EmailChanged = {
  readonly type: 'EmailChanged';
  readonly data: {
    /** RFC 3339. The event is recorded a moment later. */
    readonly at: string;
  };
};

/** Wrong passwords were sent for the user. Its access record says from where the first one came. */
export type SignInsFailed = {
  readonly type: 'SignInsFailed';
  readonly data: {
    /** The number of wrong passwords in one minute. */
    readonly times: number;
    /** The start of that minute, RFC 3339. */
    readonly at: string;
  };
};

export const USER_EVENTS = eventTypes<UserEvent>({
  UserRegistered: true,
  UserErased: true,
  PasswordChanged: true,
  EmailChanged: true,
  SignInsFailed: true,
});
