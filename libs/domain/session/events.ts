import { eventTypes } from '../event-types';

/**
 * The events of a session. They hold ids, and no address or user agent: their access record has these, and can be
 * erased.
 */
export type SessionEvent = SessionStarted | SessionEnded;

/** A user signed in. */
export type SessionStarted = {
  readonly type: 'SessionStarted';
  readonly data: {
    readonly userId: string;
    /** By which request: a sign-up, a password, an invitation, a switch to another tenant, or a new tenant. */
    readonly method: 'sign-up' | 'password' | 'invitation' | 'switch' | 'new-tenant';
    /** The session from which this one was opened, and with which it ends; null: it was opened with a password. */
    readonly openedFrom: string | null;
    /** RFC 3339. The event is recorded a moment later. */
    readonly at: string;
  };
};

/** A session ended. Its tokens are not valid any more. */
export type SessionEnded = {
  readonly type: 'SessionEnded';
  readonly data: {
    readonly userId: string;
    /**
     * `signed-out`: by the session itself. `revoked`: by another session of the user. `removed`: the user is no longer a
     * member. `refresh-token-reused`: a token was probably stolen. `too-many-sessions`: the user opened others.
     * `expired`: it was not used for a long time.
     */
    readonly reason:
      | 'signed-out'
      | 'revoked'
      | 'password-changed'
      | 'removed'
      | 'refresh-token-reused'
      | 'too-many-sessions'
      | 'user-erased'
      | 'expired';
    /** RFC 3339. The event is recorded a moment later. */
    readonly at: string;
  };
};

export const SESSION_EVENTS = eventTypes<SessionEvent>({
  SessionStarted: true,
  SessionEnded: true,
});
